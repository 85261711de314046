//! Gates: not more newcomers in a second than a node can take.

use std::{cell::Cell, time::Duration};

use kernel::rate::Rate;
use protocol::event::What;
use serde_json::{Value, json};
use server::{
    clock::Clock,
    config::{Config, Limits, Session},
};

use crate::{
    call::{Caller, Response},
    node::{Node, config, passed, text, with_node},
    peer::{Peer, handshake},
};

/// Where those come from who guess. Honest ones come from another address.
const GUESSER: [u8; 4] = [127, 0, 0, 2];

/// How often a guesser may fail at once before it is limited.
const FAILURES: u32 = 50;

/// Attempts of a guesser in one test.
const GUESSES: usize = 500;

fn slow(admissions: u32, resumes: u32) -> Config {
    let limits = Limits { admissions, resumes, ..Limits::default() };
    Config { shards: 1, limits, ..config() }
}

async fn by_query(node: &Node) -> Result<Peer, Response> {
    let ticket = node.ticket(&json!({"user": "alice"})).await;
    Peer::dial(node.address, &[], &format!("?ticket={ticket}")).await
}

#[test]
fn h17_more_newcomers_than_can_be_taken_are_told_when_to_come() {
    with_node(slow(5, 100), async |node| {
        let mut peers = Vec::new();
        let mut hints = Vec::new();
        for _ in 0..25 {
            match by_query(node).await {
                Ok(peer) => peers.push(peer),
                Err(refused) => {
                    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
                    hints.push(refused.json()["retry_ms"].as_u64().unwrap());
                }
            }
        }
        assert!(peers.len() >= 5 && hints.len() >= 5, "{} {hints:?}", peers.len());
        assert!(hints.iter().all(|hint| (500..65_000).contains(hint)), "{hints:?}");
        assert!(hints.iter().max() > hints.iter().min(), "each has a time of its own: {hints:?}");

        // Who offers usher.v1 is told by close code, and the ticket is still good.
        let (offer, hint) = loop {
            let ticket = node.ticket(&json!({"user": "alice", "ttl": 60})).await;
            let offer = format!("usher.v1, ticket.{ticket}");
            let mut peer = node.dial("", &offer).await;
            let first = peer.json().await;
            if first["type"] == "closing" {
                assert_eq!(first["code"], 4003);
                peer.closed_with(4003, "overloaded").await;
                break (offer, first["retry_ms"].as_u64().unwrap());
            }
            assert_eq!(first["type"], "welcome", "there was a place for it");
        };
        assert!(hint >= 500);
        loop {
            let mut peer = node.dial("", &offer).await;
            if peer.json().await["type"] == "welcome" {
                break;
            }
            peer.closed_with(4003, "overloaded").await;
        }
    });
}

#[test]
fn a_session_that_came_back_too_early_is_kept_until_it_may() {
    let session = Session { resume_window: Duration::from_secs(2), ..Session::default() };
    let config = Config { session, ..slow(1000, 1) };
    with_node(config, async |node| {
        let mut watch = node.watch();
        let mut tokens = Vec::new();
        for _ in 0..4 {
            let session = node.join("alice").await;
            let (id, token, position) =
                (session.id.clone(), session.token.clone(), session.position.clone());
            session.peer.vanish();
            watch.parked(&id).await;
            tokens.push((id, token, position));
        }
        let mut refused = Vec::new();
        for (id, token, position) in tokens {
            let mut peer = node.try_resume(&token, &position).await;
            let first = peer.json().await;
            if first["type"] == "closing" {
                peer.closed_with(4003, "overloaded").await;
                refused.push((id, token, position));
            }
        }
        assert!(!refused.is_empty());
        let path = format!("/v1/sessions/{}", refused[0].0);
        let held = node.ask("GET", &path, &Value::Null).await;
        let until = held["resumable_until"].as_u64().unwrap();
        let parked_for = until - held["connected_at"].as_u64().unwrap();
        assert!(parked_for > 30_000, "{held}");
        // Its window alone would be over by then.
        passed(protocol::time::Timestamp(held["connected_at"].as_u64().unwrap() + 2500)).await;
        let (id, token, position) = &refused[0];
        loop {
            let mut peer = node.try_resume(token, position).await;
            let first = peer.json().await;
            if first["type"] == "welcome" {
                assert_eq!(text(&first["session"]), *id);
                break;
            }
            peer.closed_with(4003, "overloaded").await;
        }
    });
}

/// Where a guesser is soon known for one, and who comes late has to wait.
fn guarded(admissions: u32, resumes: u32) -> Config {
    let mut config = slow(admissions, resumes);
    config.limits.failed_handshakes = Rate { per_second: 1, burst: FAILURES };
    config
}

/// Someone guesses, and others come meanwhile; how many guesses were not answered with 429, and how
/// long it took, in seconds.
async fn guess(
    node: &Node,
    query: impl Fn(usize) -> String,
    honest: impl AsyncFn(usize),
) -> (usize, usize) {
    let (mut looked_at, begun) = (0, Clock::timestamp());
    for n in 0..GUESSES {
        let head = handshake(&query(n), &[]);
        let guesser = Caller::open_from(GUESSER, node.address).await;
        let refused = Peer::over(guesser, &head, &[]).await.unwrap_err();
        match refused.status {
            401 => looked_at += 1,
            status => assert_eq!((status, refused.code().as_str()), (429, "rate-limited")),
        }
        if n % 100 == 99 {
            honest(n / 100).await;
        }
    }
    (looked_at, usize::try_from(Clock::timestamp().ms_since(begun) / 1000).unwrap() + 1)
}

#[test]
fn h28_made_up_tickets_take_nobodys_turn_and_are_not_told_without_end() {
    with_node(guarded(10, 10), async |node| {
        let mut watch = node.watch();
        let made_up = |n| format!("?ticket=t_00{n:022}");
        let (refused, seconds) = guess(node, made_up, async |n| {
            node.join(&format!("user-{n}")).await.in_step().await;
        })
        .await;
        assert!(refused <= FAILURES as usize + seconds, "{refused} in {seconds} s");
        let told = Cell::new(0);
        let last = watch.until("the last to come", |what| match what {
            What::TicketRefused { .. } => {
                told.set(told.get() + 1);
                None
            }
            What::SessionOpened { user, .. } => (user.as_str() == "user-4").then_some(()),
            _ => None,
        });
        last.await;
        assert_eq!(told.get(), refused);
        let stats = node.ask("GET", "/v1/stats", &Value::Null).await;
        let counted = &stats["admissions"]["refused"];
        assert_eq!(counted, &json!({"ticket-unknown": refused, "rate-limited": GUESSES - refused}));
    });
}

#[test]
fn h28_made_up_tokens_take_nobodys_turn() {
    with_node(guarded(1000, 10), async |node| {
        let mut watch = node.watch();
        let mut tokens = Vec::new();
        for _ in 0..GUESSES / 100 {
            let session = node.join("alice").await;
            let (id, token, position) =
                (session.id.clone(), session.token.clone(), session.position.clone());
            session.peer.vanish();
            watch.parked(&id).await;
            tokens.push((token, position));
        }
        let made_up = |n| format!("?resume=r_00{n:022}&after={}", tokens[0].1);
        guess(node, made_up, async |n| {
            let (token, position) = &tokens[n];
            node.resume(token, position).await.typed("caught_up").await;
        })
        .await;
    });
}

#[test]
fn h28_who_failed_too_often_has_a_turn_with_others_of_the_kind() {
    with_node(guarded(10, 10), async |node| {
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let query = format!("?ticket={ticket}");
        Peer::dial(node.address, &[], &query).await.unwrap();
        // What happens to honest sessions as well is told as it is, but not without end.
        let (looked_at, seconds) = guess(node, |_| query.clone(), async |_| {}).await;
        let turns = 5 * (1 + seconds);
        assert!(looked_at >= FAILURES as usize + 5, "{looked_at}");
        assert!(looked_at <= FAILURES as usize + seconds + turns, "{looked_at} in {seconds} s");
        // An honest one from there is taken when it has a turn.
        loop {
            let ticket = node.ticket(&json!({"user": "bob"})).await;
            let head = handshake(&format!("?ticket={ticket}"), &[]);
            let caller = Caller::open_from(GUESSER, node.address).await;
            match Peer::over(caller, &head, &[]).await {
                Ok(_) => break,
                Err(refused) => assert_eq!(refused.status, 429),
            }
        }
    });
}
