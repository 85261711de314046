//! Races: what a run of minutes tries a few times, tried thousands of times, one race after the
//! other and some at once.
//!
//! A ticket on all nodes at the same moment, also while Redis restarts or another server takes over
//! between mint and use; a single place from two nodes at once; and a node that dies with thousands of sessions.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use protocol::position::Position;
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    dice::Dice,
    fault::Fault,
    log::{Log, Policy, What, digest},
    others::try_everywhere,
    plan::Step,
    run::LOG,
    shape::Shape,
    socket::{Came, Socket},
    stage::{Stage, Terms},
    visitor::mint,
    world::{Mood, Place, World},
};

/// Races at once.
const LANES: usize = 12;

/// Tickets that wait while Redis is lost, and how often it is.
const WAITING: usize = 50;
const LOSSES: usize = 10;

/// How many of a crowd come at once, and how long all of them may take.
const AT_ONCE: usize = 32;
const GATHER: Duration = Duration::from_secs(180);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stage, and what everybody knows of it.
pub(crate) struct Track {
    pub(crate) stage: Stage,
    pub(crate) world: World,
    pub(crate) log: Log,
    shape: Shape,
    _mood: watch::Sender<Mood>,
}

impl Track {
    /// Builds one.
    pub(crate) async fn build(folder: &Path, terms: Terms<'_>) -> Result<Self, String> {
        let Terms { seed, shape, .. } = terms;
        std::fs::remove_dir_all(folder).ok();
        std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let log = Log::create(&folder.join(LOG)).map_err(|e| e.to_string())?;
        log.write(What::Plan { seed, text: format!("races, {shape}, seed {seed}") });
        let stage = Stage::build(&log, folder, terms).await?;
        let (mood, told) = watch::channel(Mood::Wild);
        let world = World::new(&log, stage.places(), told, seed);
        Ok(Self { stage, world, log, shape, _mood: mood })
    }

    /// A ticket on all nodes at once, so many times; what went wrong.
    pub(crate) async fn tickets(&self, races: usize) -> Vec<String> {
        self.lanes(races, |world, race, mut dice| async move {
            let (user, by) = (format!("racer-{}", race % 7), format!("racer-{race}"));
            let ticket = minted(&world, &user, Policy::Multi, &by, &mut dice).await?;
            match try_everywhere(&world, &user, &by, &ticket).await {
                1 => Ok(()),
                count => Err(format!("ticket race {race}: {count} are in")),
            }
        })
        .await
    }

    /// The same while Redis restarts, or another server takes over: some tickets are spent before,
    /// all are tried all the while, and again when it is over. Whether they are still good is not
    /// promised, and twice is never.
    pub(crate) async fn tickets_over_a_loss(&mut self) -> Result<Vec<String>, String> {
        let fault = if self.shape.has_replicas() { Fault::Failover } else { Fault::RedisKilled };
        let mut wrong = Vec::new();
        for round in 0..LOSSES {
            let mut dice = Dice::new(self.world.seed, 40 + round as u64);
            let mut tickets = Vec::new();
            for n in 0..WAITING {
                let by = format!("keeper-{round}-{n}");
                let ticket = minted(&self.world, "keeper", Policy::Multi, &by, &mut dice).await?;
                tickets.push((by, ticket));
            }
            let (world, some) = (&self.world, tickets.iter().step_by(2));
            let mut came: BTreeMap<&str, usize> = BTreeMap::new();
            try_all(world, some, &mut came).await;
            let lasts = Duration::from_millis(100);
            let step = Step { fault, at: round, lasts, rest: Duration::ZERO };
            let stage = &mut self.stage;
            let lost = async {
                stage.suffer(&step).await?;
                stage.heal().await
            };
            tokio::pin!(lost);
            loop {
                tokio::select! {
                    ended = &mut lost => break ended?,
                    () = try_all(world, tickets.iter(), &mut came) => {}
                }
            }
            try_all(world, tickets.iter(), &mut came).await;
            let twice = came.iter().filter(|(_, count)| **count > 1);
            wrong.extend(twice.map(|(by, count)| format!("{by}: {count} are in over a loss")));
        }
        Ok(wrong)
    }

    /// A single place, from two nodes at once, so many times.
    pub(crate) async fn places(&self, races: usize) -> Vec<String> {
        self.lanes(races, |world, race, mut dice| async move {
            let user = format!("single-{race}");
            let (first, second) = (race % 3, (race + 1) % 3);
            let mut dials = Vec::new();
            for at in [first, second] {
                let by = format!("{user}-{at}");
                let ticket = minted(&world, &user, Policy::Single, &by, &mut dice).await?;
                dials.push((world.places[at].clone(), by, ticket));
            }
            let dials = dials.into_iter().map(|(place, by, ticket)| {
                let world = world.clone();
                let user = user.clone();
                async move { enter(&world, &place, &user, &by, &ticket).await }
            });
            let came = futures_util::future::join_all(dials).await;
            one_holds(&world, &user, came).await.map_err(|why| format!("{user}: {why}"))
        })
        .await
    }

    /// Runs races, some at once; what went wrong.
    async fn lanes<F>(
        &self,
        races: usize,
        race: impl Fn(World, usize, Dice) -> F + Clone + Send + 'static,
    ) -> Vec<String>
    where
        F: Future<Output = Result<(), String>> + Send,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let mut lanes = JoinSet::new();
        for _ in 0..LANES {
            let (next, world, race) = (Arc::clone(&next), self.world.clone(), race.clone());
            lanes.spawn(async move {
                let mut wrong = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= races {
                        return wrong;
                    }
                    let dice = Dice::new(world.seed, 1_000 + number as u64);
                    wrong.extend(race(world.clone(), number, dice).await.err());
                }
            });
        }
        lanes.join_all().await.into_iter().flatten().collect()
    }
}

/// Tries tickets on all nodes; counts how often each let somebody in.
async fn try_all<'a>(
    world: &World,
    tickets: impl Iterator<Item = &'a (String, String)>,
    came: &mut BTreeMap<&'a str, usize>,
) {
    for (by, ticket) in tickets {
        *came.entry(by).or_default() += try_everywhere(world, "keeper", by, ticket).await;
    }
}

async fn minted(
    world: &World,
    user: &str,
    policy: Policy,
    by: &str,
    dice: &mut Dice,
) -> Result<String, String> {
    let start = Instant::now();
    // A node is ready when most partitions are there, and this one may not be yet.
    while start.elapsed() < PATIENCE {
        if let Some(ticket) = mint(world, user, policy, by, dice).await {
            return Ok(ticket);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{by} gets no ticket"))
}

/// Comes with a ticket, and waits for what is said first; the socket if that is `welcome`.
async fn enter(world: &World, place: &Place, user: &str, by: &str, ticket: &str) -> Option<Socket> {
    let socket = world.log.socket();
    world.log.write(What::Dial {
        socket,
        by: by.to_owned(),
        user: user.to_owned(),
        node: place.name.clone(),
        ticket: Some(digest(ticket.as_bytes())),
        token: None,
        after: None,
    });
    let offer = format!("usher.v1, ticket.{ticket}");
    let mut socket = Socket::dial(socket, &world.log, place.door, &offer, None).await?;
    loop {
        match timeout(PATIENCE, socket.next()).await {
            Ok(Came::Welcome { .. }) => return Some(socket),
            Ok(Came::Over(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Of those who were let in one gets what is sent now, and every other is closed as replaced.
async fn one_holds(world: &World, user: &str, came: Vec<Option<Socket>>) -> Result<(), String> {
    let path = format!("/v1/users/{user}/messages");
    let body = json!({"data": {"to": user, "by": "asker", "n": 1, "pad": ""}});
    let sent = world.caller.ask(world.places[0].api, "POST", &path, &body).await;
    let Ok((200, receipt)) = sent else { return Err(format!("{sent:?}")) };
    if receipt["matched"] != 1 {
        return Err(format!("the registry has not one session: {receipt}"));
    }
    let ends = came.into_iter().flatten().map(|mut socket| async move {
        let end = async {
            loop {
                match socket.next().await {
                    Came::Reached(_) => return Some(true),
                    Came::Over(code) => return (code == Some(4409)).then_some(false),
                    _ => {}
                }
            }
        };
        let end = timeout(PATIENCE, end).await.ok().flatten();
        if end == Some(true) {
            socket.close(1000).await;
            socket.drop_it(false);
        }
        end
    });
    let ends = futures_util::future::join_all(ends).await;
    let held = ends.iter().filter(|end| **end == Some(true)).count();
    match held == 1 && !ends.contains(&None) {
        true => Ok(()),
        false => Err(format!("the place was not held by one: {ends:?}")),
    }
}

/// What became of a crowd whose node died.
#[derive(Debug)]
pub(crate) struct Return {
    /// How long the last one was away, and how many came back.
    pub(crate) back: Duration,
    pub(crate) count: usize,
    /// How long the node was still listed.
    pub(crate) listed: Duration,
}

impl Track {
    /// So many sessions come to the first node, which dies; they come back to the others by their
    /// tokens.
    pub(crate) async fn crowd(&mut self, count: usize) -> Result<Return, String> {
        let (said, mut here) = watch::channel(0);
        let mut crowd = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for n in 0..count {
            let (world, said, turns) = (self.world.clone(), said.clone(), Arc::clone(&turns));
            crowd.spawn(async move { belong(&world, n, &said, &turns).await });
        }
        let all = timeout(GATHER, here.wait_for(|here| *here == count)).await;
        if all.is_err() {
            return Err(format!("only {} of {count} come", *said.borrow()));
        }
        let killed = Instant::now();
        self.stage.kill_first();
        let listed = unlisted(&self.world, killed).await;
        let mut back = Vec::new();
        while let Some(came) = crowd.join_next().await {
            back.extend(came.map_err(|e| e.to_string())?);
        }
        let last = back.iter().max().map_or(Duration::ZERO, |last| *last - killed);
        Ok(Return { back: last, count: back.len(), listed })
    }
}

/// One of a crowd: comes to the first node, stays until that dies, and comes back to another; when.
async fn belong(
    world: &World,
    n: usize,
    said: &watch::Sender<usize>,
    turns: &Semaphore,
) -> Option<Instant> {
    let (user, mut dice) = (format!("crowd-{n}"), Dice::new(world.seed, n as u64));
    let turn = turns.acquire().await.ok()?;
    let ticket = mint(world, &user, Policy::Multi, &user, &mut dice).await?;
    let offer = format!("usher.v1, ticket.{ticket}");
    let first = world.places[0].api;
    let mut socket = Socket::dial(world.log.socket(), &world.log, first, &offer, None).await?;
    let Ok(Came::Welcome { token, position, .. }) = timeout(PATIENCE, socket.next()).await else {
        return None;
    };
    drop(turn);
    said.send_modify(|count| *count += 1);
    stay(socket).await;
    let socket = return_to(world, n, &user, &token, position).await?;
    let back = Instant::now();
    // It stays while others come.
    tokio::spawn(stay(socket));
    Some(back)
}

/// Answers pings until the end.
async fn stay(mut socket: Socket) {
    loop {
        match socket.next().await {
            Came::Over(_) => return,
            Came::Ping => drop(socket.say(&json!({"type": "pong"})).await),
            _ => {}
        }
    }
}

/// Resumes at one of the nodes that are left, as often as it takes.
async fn return_to(
    world: &World,
    n: usize,
    user: &str,
    token: &str,
    position: Position,
) -> Option<Socket> {
    let mut dice = Dice::new(world.seed, 1 << 24 | n as u64);
    let start = Instant::now();
    for try_number in 0.. {
        if start.elapsed() > PATIENCE * 2 {
            return None;
        }
        // What an SDK waits, longer each time.
        sleep(dice.ms(0, 200 << u32::min(try_number, 3))).await;
        let place = &world.places[1 + (n + usize::try_from(try_number).ok()?) % 2];
        let number = world.log.socket();
        world.log.write(What::Dial {
            socket: number,
            by: user.to_owned(),
            user: user.to_owned(),
            node: place.name.clone(),
            ticket: None,
            token: Some(digest(token.as_bytes())),
            after: Some(position),
        });
        let offer = format!("usher.v1, resume.{token}, after.{position}");
        let socket = Socket::dial(number, &world.log, place.api, &offer, None).await;
        let Some(mut socket) = socket else { continue };
        let first = async {
            let mut hint = Duration::ZERO;
            loop {
                match socket.next().await {
                    Came::Welcome { .. } => return None,
                    Came::Closing(retry) => hint = retry,
                    Came::Over(_) => return Some(hint),
                    _ => {}
                }
            }
        };
        match timeout(PATIENCE, first).await {
            Ok(None) => return Some(socket),
            Ok(Some(hint)) => sleep(hint).await,
            Err(_) => {}
        }
    }
    None
}

/// How long the first node is still listed by the others.
async fn unlisted(world: &World, since: Instant) -> Duration {
    while since.elapsed() < PATIENCE {
        let list = world.caller.ask(world.places[1].api, "GET", "/v1/nodes", &Value::Null).await;
        if let Ok((200, list)) = list {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            if !items.iter().any(|node| node["node"] == "n0") {
                break;
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
    since.elapsed()
}

/// What went wrong, in some lines.
pub(crate) fn told(what: &BTreeMap<&str, Vec<String>>) -> String {
    let lines = what.iter().map(|(race, wrong)| {
        let some: Vec<&str> = wrong.iter().take(5).map(String::as_str).collect();
        format!("{race}: {} wrong {some:?}", wrong.len())
    });
    lines.collect::<Vec<_>>().join("\n")
}
