//! Visitor: somebody with one device, who comes, stays, gets lost and comes back, each in their own
//! manner. Does what `docs/protocol.md` asks of an SDK, and notes everything.

use std::time::Duration;

use protocol::position::Position;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    dice::Dice,
    log::{Policy, What, digest},
    socket::{Came, Socket},
    speech::Speech,
    world::{Dead, Mood, World},
};

/// What a visitor does when it could as well stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Loses its socket in some way, and resumes.
    Faithful,
    /// Stops reading for a while.
    Sleepy,
    /// Says no more, and reads on.
    Mute,
    /// Resumes elsewhere while its old socket is still open, and goes on reading that.
    Hoarder,
    /// Leaves, and comes back with a new ticket.
    Leaver,
    /// Throws its token away.
    Forgetful,
}

/// Silence after which a socket is given up: a node pings in less.
const SILENCE: Duration = Duration::from_secs(7);

/// How long an old socket is still read.
const HOARDED: Duration = Duration::from_secs(20);

/// A visitor.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) policy: Policy,
    pub(crate) manner: Manner,
    /// What it sends now and then.
    pub(crate) speech: Option<Speech>,
    /// Whether it leaves the place to others when all is over.
    pub(crate) yields: bool,
    pub(crate) world: World,
    pub(crate) dice: Dice,
}

/// What a visitor comes back with.
#[derive(Debug, Clone)]
struct Hold {
    session: String,
    token: String,
    position: Position,
}

impl Hold {
    /// What to offer to come back.
    fn offer(&self) -> String {
        format!("resume.{}, after.{}", self.token, self.position)
    }
}

/// What to do when a socket is over.
#[derive(Debug)]
enum Next {
    Resume(Hold),
    /// With a new ticket.
    Anew,
    /// The same, from a place that it knows.
    From(Position),
    /// The same after a while: the place is another's.
    Later,
    Leave,
}

impl Visitor {
    /// Comes and goes until all is over.
    pub(crate) async fn run(mut self) {
        let (mut hold, mut from) = (None, None);
        let mut tries: u32 = 0;
        loop {
            let mood = *self.world.mood.borrow();
            if mood == Mood::Over || (mood == Mood::Calm && self.yields) {
                return;
            }
            let before = Instant::now();
            let next = self.visit(hold.take(), from.take()).await;
            self.world.note_present(&self.name, false);
            match next {
                Next::Resume(held) => hold = Some(held),
                Next::Anew => {}
                Next::From(position) => from = Some(position),
                Next::Later => sleep(self.dice.ms(300, 2_000)).await,
                Next::Leave => return,
            }
            // Who gets in and is sent away at once is no better off than who does not get in.
            tries = if before.elapsed() > Duration::from_secs(1) { 0 } else { (tries + 1).min(4) };
            sleep(self.dice.ms(10, 50 << tries)).await;
        }
    }

    /// One socket, from its first byte to its last.
    async fn visit(&mut self, hold: Option<Hold>, from: Option<Position>) -> Next {
        let number = self.world.log.socket();
        let place = self.world.place(&mut self.dice).clone();
        let (offer, ticket) = match &hold {
            Some(hold) => (format!("usher.v1, {}", hold.offer()), None),
            None => {
                match mint(&self.world, &self.user, self.policy, &self.name, &mut self.dice).await {
                    Some(ticket) => {
                        let after = from.map(|from| format!(", after.{from}")).unwrap_or_default();
                        (format!("usher.v1, ticket.{ticket}{after}"), Some(ticket))
                    }
                    None => return from.map_or(Next::Later, Next::From),
                }
            }
        };
        self.world.log.write(What::Dial {
            socket: number,
            by: self.name.clone(),
            user: self.user.clone(),
            node: place.name.clone(),
            ticket: ticket.as_ref().map(|ticket| digest(ticket.as_bytes())),
            token: hold.as_ref().map(|hold| digest(hold.token.as_bytes())),
            after: hold.as_ref().map(|hold| hold.position).or(from),
        });
        let socket = Socket::dial(number, &self.world.log, place.door, &offer, None).await;
        let Some(mut socket) = socket else { return again(hold) };
        loop {
            let Ok(came) = timeout(SILENCE, socket.next()).await else {
                socket.drop_it(false);
                return again(hold);
            };
            match came {
                Came::Welcome { session, token, position } => {
                    self.world.note_session(&self.name, &session);
                    self.world.note_present(&self.name, true);
                    if let Some(ticket) = ticket {
                        self.bury(&format!("ticket.{ticket}"), &ticket, false, "spent");
                    }
                    let new = Hold { session, token, position };
                    return self.stay(socket, new, hold).await;
                }
                Came::Over(code) => return after_close(code, hold),
                Came::Ping => drop(socket.say(&json!({"type": "pong"})).await),
                Came::Reached(_)
                | Came::Last(_)
                | Came::Reply(..)
                | Came::Closing(_)
                | Came::Other => {}
            }
        }
    }

    /// From the `welcome` on. `before` is what it came back with, if it did.
    async fn stay(&mut self, mut socket: Socket, mut hold: Hold, before: Option<Hold>) -> Next {
        let mut mood = self.world.mood.clone();
        let mischief = sleep_until(Instant::now() + self.dice.ms(500, 9_000));
        tokio::pin!(mischief);
        let mut pause = Box::pin(sleep(self.dice.ms(200, 3_000)));
        let mut before = before;
        let mut spoke = false;
        loop {
            let silence = sleep(SILENCE);
            tokio::select! {
                came = socket.next() => match came {
                    Came::Reached(position) => hold.position = position,
                    Came::Last(position) => {
                        hold.position = position;
                        self.world.note_last(&self.name);
                    }
                    Came::Ping => {
                        self.speak(&socket, &mut spoke);
                        if !socket.say(&json!({"type": "pong"})).await {
                            socket.drop_it(false);
                            return Next::Resume(hold);
                        }
                    }
                    Came::Reply(n, error) => {
                        if let Some(speech) = &self.speech {
                            speech.note(&socket, n, &error);
                        }
                        // It has heard us, so that what we came with is good no more.
                        if let Some(old) = before.take().filter(|old| old.token != hold.token) {
                            self.bury(&old.offer(), &old.token, true, "superseded");
                        }
                    }
                    Came::Over(code) => {
                        if matches!(code, Some(4409 | 4410 | 4403)) {
                            self.bury(&hold.offer(), &hold.token, true, "ended");
                        }
                        return after_close(code, Some(hold));
                    }
                    Came::Welcome { .. } | Came::Closing(_) | Came::Other => {}
                },
                () = silence => {
                    socket.drop_it(false);
                    return Next::Resume(hold);
                }
                () = &mut pause, if self.speech.is_some() => {
                    self.speak(&socket, &mut spoke);
                    if let Some(speech) = &mut self.speech && !speech.say(&mut socket).await {
                        socket.drop_it(false);
                        return Next::Resume(hold);
                    }
                    pause = Box::pin(sleep(self.dice.ms(500, 3_000)));
                }
                () = &mut mischief, if self.world.is_wild() => {
                    return self.misbehave(socket, hold).await;
                }
                changed = mood.changed() => {
                    let is_over = changed.is_err() || *mood.borrow() == Mood::Over;
                    if is_over || (self.yields && *mood.borrow() == Mood::Calm) {
                        return leave(socket).await;
                    }
                }
            }
        }
    }

    async fn misbehave(&mut self, mut socket: Socket, mut hold: Hold) -> Next {
        match self.manner {
            Manner::Faithful => {
                match self.dice.below(3) {
                    0 => socket.close(1001).await,
                    1 => return drop_and(socket, true, Next::Resume(hold)),
                    _ => {}
                }
                drop_and(socket, false, Next::Resume(hold))
            }
            Manner::Sleepy => {
                let nap = self.dice.ms(500, 6_000);
                let ms = u64::try_from(nap.as_millis()).expect("it is short");
                self.world.log.write(What::Dozes { socket: socket.number, ms });
                sleep(nap).await;
                let session = hold.session.clone();
                self.finish(socket, &mut hold, Duration::from_secs(9)).await;
                Next::Resume(Hold { session, ..hold })
            }
            Manner::Mute => {
                socket.half_close();
                self.finish(socket, &mut hold, SILENCE).await;
                Next::Resume(hold)
            }
            Manner::Hoarder => {
                let speech = self.speech.as_ref().map(|speech| speech.over_old(&socket));
                tokio::spawn(read_on(socket, speech));
                Next::Resume(hold)
            }
            Manner::Leaver => {
                leave(socket).await;
                Next::Anew
            }
            Manner::Forgetful => drop_and(socket, false, Next::Anew),
        }
    }

    /// Reads on for a while, without a word but pongs.
    async fn finish(&mut self, mut socket: Socket, hold: &mut Hold, during: Duration) {
        let end = Instant::now() + during;
        loop {
            match tokio::time::timeout_at(end, socket.next()).await {
                Ok(Came::Reached(position)) => hold.position = position,
                Ok(Came::Last(position)) => {
                    hold.position = position;
                    self.world.note_last(&self.name);
                }
                Ok(Came::Ping) => drop(socket.say(&json!({"type": "pong"})).await),
                Ok(Came::Over(_)) => return,
                Ok(Came::Welcome { .. } | Came::Reply(..) | Came::Closing(_) | Came::Other) => {}
                Err(_) => return socket.drop_it(false),
            }
        }
    }

    fn speak(&self, socket: &Socket, spoke: &mut bool) {
        if !std::mem::replace(spoke, true) {
            self.world.log.write(What::Spoke { socket: socket.number });
        }
    }

    fn bury(&mut self, offer: &str, secret: &str, is_token: bool, why: &'static str) {
        let dead = Dead {
            user: self.user.clone(),
            offer: offer.to_owned(),
            digest: digest(secret.as_bytes()),
            is_token,
            why,
        };
        self.world.bury(dead, &mut self.dice);
    }
}

/// A new ticket, from any node that gives one.
pub(crate) async fn mint(
    world: &World,
    user: &str,
    policy: Policy,
    by: &str,
    dice: &mut Dice,
) -> Option<String> {
    let mut request = json!({"user": user, "device": by, "send": "any"});
    match policy {
        Policy::Multi => {}
        Policy::Single => request["policy"] = json!("single"),
        Policy::Reject => {
            request["policy"] = json!({"max": 1, "per": "user", "when_full": "reject"});
        }
    }
    let api = world.place(dice).api;
    let (status, answer) = world.caller.ask(api, "POST", "/v1/tickets", &request).await.ok()?;
    if status != 201 {
        return None;
    }
    let ticket = answer["ticket"].as_str()?.to_owned();
    world.log.write(What::Minted {
        ticket: digest(ticket.as_bytes()),
        user: user.to_owned(),
        policy,
        expires_at: answer["expires_at"].as_u64().unwrap_or_default(),
        by: by.to_owned(),
    });
    Some(ticket)
}

/// What a close code asks for.
fn after_close(code: Option<u16>, hold: Option<Hold>) -> Next {
    match code {
        Some(4403 | 4409 | 4410 | 4423) => Next::Later,
        // What it had is gone, but not what it knows of it.
        Some(4202) => hold.map_or(Next::Anew, |hold| Next::From(hold.position)),
        Some(1000 | 1002 | 1003 | 1007 | 1008 | 1009 | 4200..4500) => Next::Anew,
        Some(_) | None => again(hold),
    }
}

fn again(hold: Option<Hold>) -> Next {
    hold.map_or(Next::Anew, Next::Resume)
}

fn drop_and(socket: Socket, resets: bool, next: Next) -> Next {
    socket.drop_it(resets);
    next
}

async fn leave(mut socket: Socket) -> Next {
    socket.say(&json!({"type": "leave"})).await;
    let rest = async { while !matches!(socket.next().await, Came::Over(_)) {} };
    if timeout(Duration::from_secs(3), rest).await.is_err() {
        socket.drop_it(false);
    }
    Next::Leave
}

/// Reads an old socket for as long as it lasts, and speaks and answers as if nothing were.
async fn read_on(mut socket: Socket, mut speech: Option<Speech>) {
    const PAUSE: Duration = Duration::from_millis(700);
    let end = Instant::now() + HOARDED;
    let mut pause = Box::pin(sleep(PAUSE));
    while Instant::now() < end {
        tokio::select! {
            came = socket.next() => match (came, &speech) {
                (Came::Over(_), _) => return,
                (Came::Ping, _) => drop(socket.say(&json!({"type": "pong"})).await),
                (Came::Reply(n, error), Some(speech)) => speech.note(&socket, n, &error),
                _ => {}
            },
            () = &mut pause => {
                if let Some(speech) = &mut speech && !speech.say(&mut socket).await {
                    break;
                }
                pause = Box::pin(sleep(PAUSE));
            }
        }
    }
    socket.drop_it(false);
}
