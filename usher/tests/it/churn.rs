//! Churn: sessions that come, go, come back and are ended, thousands of times. When all are gone their
//! node is as it was: nothing grows with time.
//!
//! The seed is printed first; `USHER_CHURN_SEED` plays it again.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{
    crowd::{Came, Welcomed, a_moment, soon},
    dice::Dice,
    supervised::{Api, Supervised, UNLIMITED, serve},
};

/// Who comes and goes in each lane.
const USERS: u64 = 50;

/// How many do so at once.
const AT_ONCE: u64 = 4;

/// Stays before memory is looked at for the first time: then every buffer and list that is kept for
/// the next use has been used.
const WARMING_UP: u64 = 2000;

/// Stays from then on.
const STAYS: u64 = 8000;

/// What the node may have gained by all those stays: tickets that were used are remembered for a
/// minute, streams for another, and an allocator gives back what it likes. It is less than 800 bytes
/// for each stay, so that a socket's seat or a task which is kept for each would show.
const GAIN_MAX: usize = 6 * 1024 * 1024;

/// One session from its ticket to its end.
async fn stay(node: &Api, lane: u64, dice: &mut Dice) {
    // Nobody else ends what is this lane's, so that it knows what comes.
    let user = format!("u{lane}-{}", dice.below(USERS));
    let policy = if dice.below(4) == 0 { "single" } else { "multi" };
    let request = json!({"user": user, "policy": policy, "ttl": 10});
    let mut one = Welcomed::dial(node.address, &node.offer(&request)).await;
    for _ in 0..dice.below(3) {
        if dice.below(2) == 0 {
            node.ask("POST", &format!("/v1/users/{user}/messages"), &json!({"data": "hi"}));
        }
        let resume = one.resume();
        if dice.below(2) == 0 {
            drop(one);
            one = Welcomed::dial(node.address, &resume).await;
        }
    }
    match dice.below(4) {
        0 => drop(one),
        1 => {
            let path = format!("/v1/sessions/{}", one.session);
            node.ask("DELETE", &path, &Value::Null);
            while let Came::Frame(_) = one.member.next().await {}
        }
        2 => {
            let path = format!("/v1/users/{user}/sessions");
            node.ask("DELETE", &path, &Value::Null);
            while let Came::Frame(_) = one.member.next().await {}
        }
        _ => one.leave().await,
    }
}

/// So many stays, some at once.
fn churn(node: &Api, seed: u64, stays: u64) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for lane in 0..AT_ONCE {
            let (mut dice, next) = (Dice::new(seed, lane), &next);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("there are threads").block_on(async {
                    while next.fetch_add(1, Ordering::Relaxed) < stays {
                        stay(node, lane, &mut dice).await;
                    }
                });
            });
        }
    });
}

/// Waits until nobody is there any more, by the node's own count.
fn is_empty_again(node: &Api) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there are threads").block_on(soon("all to be gone", async {
        loop {
            let stats = node.ask("GET", "/v1/stats", &Value::Null);
            if stats["users"] == 0 && stats["sessions"] == json!({"live": 0, "parked": 0}) {
                break;
            }
            a_moment().await;
        }
    }));
    let sessions = node.ask("GET", "/v1/sessions", &Value::Null);
    assert_eq!(sessions["items"], json!([]));
}

#[test]
fn nothing_grows_with_the_sessions_that_have_been() {
    let drawn = RandomState::new().build_hasher().finish();
    let given = std::env::var("USHER_CHURN_SEED").ok();
    let seed = given.map_or(drawn, |seed| seed.parse().expect("USHER_CHURN_SEED is a number"));
    println!("USHER_CHURN_SEED={seed}");
    // Who vanished is gone soon, rather than after two minutes.
    let node = Supervised::start(serve(UNLIMITED).env("USHER_SESSION__RESUME_WINDOW", "6s"));
    churn(&node, seed, WARMING_UP);
    is_empty_again(&node);
    let (memory, descriptors) = (node.resident_bytes(), node.descriptors());
    churn(&node, !seed, STAYS);
    is_empty_again(&node);
    let (memory_now, descriptors_now) = (node.resident_bytes(), node.descriptors());
    // Calls leave a few sockets open for the next one.
    assert!(descriptors_now <= descriptors + 8, "{descriptors} before, {descriptors_now} now");
    assert!(memory_now <= memory + GAIN_MAX, "{memory} before, {memory_now} now");
    let ends = node.ask("GET", "/v1/stats", &Value::Null)["ends"].clone();
    for code in ["1000", "4202", "4409", "4410"] {
        assert!(ends[code].as_u64().is_some_and(|count| count > 100), "{code} happened: {ends}");
    }
}
