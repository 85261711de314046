//! Others: those who are no visitors: they kick, block, look, and try what must not work.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    dice::Dice,
    log::{Listed, Policy, What, digest},
    socket::{Came, Socket},
    visitor::mint,
    world::{Mood, Place, World},
};

/// Most that a page lists, as the API has it.
const PAGE: usize = 1000;

/// How often it is tried to lift a block.
const UNBLOCKS_MAX: usize = 1_000;

/// Ends somebody's session now and then, or blocks a user for a while.
pub(crate) async fn kick(world: World, users: Vec<String>, mut dice: Dice) {
    loop {
        sleep(dice.ms(1_000, 4_000)).await;
        if !world.is_wild() {
            return;
        }
        let api = world.place(&mut dice).api;
        if dice.below(4) == 0 {
            let at = usize::try_from(dice.below(users.len() as u64)).expect("they are few");
            block(&world, &users[at], &mut dice).await;
            continue;
        }
        let session = {
            let sessions = world.sessions.lock().expect("nobody panics with it");
            let at = dice.below(sessions.len().max(1) as u64);
            sessions.values().nth(usize::try_from(at).expect("they are few")).cloned()
        };
        let Some(session) = session else { continue };
        world.log.write(What::Kicking { session: session.clone() });
        let path = format!("/v1/sessions/{session}");
        let answer = world.caller.ask(api, "DELETE", &path, &Value::Null).await;
        if let Ok((200, body)) = answer {
            let closed = body["closed"].as_u64().unwrap_or_default();
            world.log.write(What::Kicked { session, closed });
        }
    }
}

async fn block(world: &World, user: &str, dice: &mut Dice) {
    let path = format!("/v1/users/{user}/block");
    let api = world.place(dice).api;
    world.log.write(What::Blocking { user: user.to_owned() });
    let answer = world.caller.ask(api, "PUT", &path, &json!({})).await;
    if matches!(answer, Ok((200, _))) {
        world.log.write(What::Blocked { user: user.to_owned() });
        sleep(dice.ms(500, 3_000)).await;
    }
    unblock(world, user).await;
}

/// Lifts a block. Until it is done, or somebody would stay out for good.
pub(crate) async fn unblock(world: &World, user: &str) {
    let path = format!("/v1/users/{user}/block");
    for place in world.places.iter().cycle().take(UNBLOCKS_MAX) {
        world.log.write(What::Unblocking { user: user.to_owned() });
        if let Ok((200, _)) = world.caller.ask(place.api, "DELETE", &path, &Value::Null).await {
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Lists all sessions again and again, at one node after the other.
pub(crate) async fn look(world: World, pause: Duration, mut dice: Dice) {
    while *world.mood.borrow() != Mood::Over {
        let place = world.place(&mut dice).clone();
        list(&world, &place).await;
        sleep(pause).await;
    }
}

/// Lists all sessions at a node; whether that was possible.
pub(crate) async fn list(world: &World, place: &Place) -> Option<usize> {
    let asked = world.log.now();
    let (mut sessions, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/sessions?limit={PAGE}{cursor}");
        let answer = world.caller.ask(place.api, "GET", &path, &Value::Null).await;
        let Ok((200, page)) = answer else { return None };
        for one in page["items"].as_array()? {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let live = one["state"] == "live";
            let (session, user, node) = (text("id"), text("user"), text("node"));
            sessions.push(Listed { session, user, node, live });
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let count = sessions.len();
    world.log.write(What::Registry { node: place.name.clone(), asked, whole: true, sessions });
    Some(count)
}

/// Tries one ticket on all nodes at once, again and again.
pub(crate) async fn duplicate(world: World, mut dice: Dice) {
    for race in 0_u64.. {
        sleep(dice.ms(50, 600)).await;
        if !world.is_wild() {
            return;
        }
        let (user, by) = (format!("racer-{}", race % 5), format!("racer-{race}"));
        if let Some(ticket) = mint(&world, &user, Policy::Multi, &by, &mut dice).await {
            try_everywhere(&world, &user, &by, &ticket).await;
        }
    }
}

/// Tries a ticket on all nodes at the same moment; how many let it in.
pub(crate) async fn try_everywhere(world: &World, user: &str, by: &str, ticket: &str) -> usize {
    let dials = world.places.iter().map(|place| async {
        let number = world.log.socket();
        dial(world, number, by, user, place, Some(ticket));
        let offer = format!("usher.v1, ticket.{ticket}");
        let socket = Socket::dial(number, &world.log, place.door, &offer, None).await;
        stay_briefly(socket).await
    });
    join_all(dials).await.into_iter().filter(|is_in| *is_in).count()
}

/// Tries what must not let anybody in.
pub(crate) async fn trespass(world: World, mut dice: Dice) {
    loop {
        sleep(dice.ms(100, 800)).await;
        if !world.is_wild() {
            return;
        }
        let place = world.place(&mut dice).clone();
        let number = world.log.socket();
        let (offer, origin, why) = match dice.below(4) {
            0 => {
                let request = json!({"user": "foreigner", "origin": "https://app.example.com"});
                let Some(ticket) = special(&world, &request, &mut dice).await else { continue };
                dial(&world, number, "trespasser", "foreigner", &place, Some(&ticket));
                (format!("ticket.{ticket}"), Some("https://other.example.com"), "origin")
            }
            1 => {
                let request = json!({"user": "latecomer", "ttl": 1});
                let Some(ticket) = special(&world, &request, &mut dice).await else { continue };
                sleep(Duration::from_millis(1_500)).await;
                dial(&world, number, "trespasser", "latecomer", &place, Some(&ticket));
                (format!("ticket.{ticket}"), None, "expired")
            }
            _ => {
                let Some(dead) = world.dig(&mut dice) else { continue };
                let digest = Some(dead.digest);
                world.log.write(What::Dial {
                    socket: number,
                    by: "trespasser".to_owned(),
                    user: dead.user,
                    node: place.name.clone(),
                    ticket: digest.clone().filter(|_| !dead.is_token),
                    token: digest.filter(|_| dead.is_token),
                    after: None,
                });
                (dead.offer, None, dead.why)
            }
        };
        world.log.write(What::Trespass { socket: number, why: why.to_owned() });
        let offer = format!("usher.v1, {offer}");
        let socket = Socket::dial(number, &world.log, place.door, &offer, origin).await;
        stay_briefly(socket).await;
    }
}

async fn special(world: &World, request: &Value, dice: &mut Dice) -> Option<String> {
    let api = world.place(dice).api;
    let (status, answer) = world.caller.ask(api, "POST", "/v1/tickets", request).await.ok()?;
    let ticket = answer["ticket"].as_str().filter(|_| status == 201)?.to_owned();
    world.log.write(What::Minted {
        ticket: digest(ticket.as_bytes()),
        user: request["user"].as_str().unwrap_or_default().to_owned(),
        policy: Policy::Multi,
        expires_at: answer["expires_at"].as_u64().unwrap_or_default(),
        by: "trespasser".to_owned(),
    });
    Some(ticket)
}

fn dial(world: &World, socket: u64, by: &str, user: &str, place: &Place, ticket: Option<&str>) {
    world.log.write(What::Dial {
        socket,
        by: by.to_owned(),
        user: user.to_owned(),
        node: place.name.clone(),
        ticket: ticket.map(|ticket| digest(ticket.as_bytes())),
        token: None,
        after: None,
    });
}

/// Waits for a `welcome` or the end, and says goodbye; whether it was welcomed.
async fn stay_briefly(socket: Option<Socket>) -> bool {
    let Some(mut socket) = socket else { return false };
    let first = async {
        loop {
            match socket.next().await {
                Came::Welcome { .. } => return true,
                Came::Over(_) => return false,
                _ => {}
            }
        }
    };
    let is_in = timeout(Duration::from_secs(6), first).await;
    match is_in {
        Ok(false) => return false,
        Ok(true) => {
            socket.say(&json!({"type": "leave"})).await;
            let rest = async { while !matches!(socket.next().await, Came::Over(_)) {} };
            if timeout(Duration::from_secs(2), rest).await.is_ok() {
                return true;
            }
        }
        Err(_) => {}
    }
    socket.drop_it(false);
    is_in.is_ok()
}
