//! Ends: what is told to who comes back to a session that ended, whatever it ended by.

use serde_json::{Value, json};
use server::clock::Clock;

use crate::{
    frame::{self, PONG, TEXT, masked},
    node::{Node, config, passed, with_node},
    peer::{Peer, Session},
};

/// How a refusal is spoken and counted.
struct Told {
    close: (u16, &'static str),
    problem: (u16, &'static str),
}

const CANNOT_RESUME: Told =
    Told { close: (4202, "cannot-resume"), problem: (401, "cannot-resume") };
const TOO_OLD: Told = Told { close: (4203, "too-old"), problem: (401, "too-old") };
const FORBIDDEN: Told = Told { close: (4403, "forbidden"), problem: (403, "forbidden") };
const REPLACED: Told = Told { close: (4409, "replaced"), problem: (403, "replaced") };
const CLOSED: Told =
    Told { close: (4410, "closed-by-backend"), problem: (403, "closed-by-backend") };

/// Refused resumes so far, by the node's count.
async fn counted(node: &Node, code: &str) -> u64 {
    let stats = node.ask("GET", "/v1/stats", &Value::Null).await;
    stats["admissions"]["refused"][code].as_u64().unwrap_or_default()
}

/// A token does not bring a session back: it is told so over a WebSocket, over HTTP, and counted.
async fn refused(node: &Node, token: &str, position: &str, told: &Told) {
    let before = counted(node, told.problem.1).await;
    let mut peer = node.try_resume(token, position).await;
    peer.closed_with(told.close.0, told.close.1).await;
    let query = format!("?resume={token}&after={position}");
    let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
    assert_eq!((problem.status, problem.code().as_str()), told.problem);
    assert_eq!(counted(node, told.problem.1).await, before + 2);
}

/// Ends a session that came back once, and whose two tokens are both good; neither is afterwards.
async fn check(node: &Node, ticket: &Value, end: impl AsyncFn(&Node, &mut Session), told: &Told) {
    let first = node.join_with(ticket).await;
    let (known, position) = (first.token.clone(), first.position.clone());
    first.peer.vanish();
    let mut back = node.resume(&known, &position).await;
    back.caught_up().await;
    let mut watch = node.watch();
    end(node, &mut back).await;
    watch.ended(&back.id).await;
    refused(node, &known, &position, told).await;
    refused(node, &back.token, &position, told).await;
    node.ask("DELETE", "/v1/users/alice/sessions", &Value::Null).await;
}

#[test]
fn j9_who_comes_back_to_a_session_that_ended_is_told_what_it_ended_by() {
    with_node(config(), async |node| {
        let alice = json!({"user": "alice"});
        let says = async |session: &mut Session, bytes: &[u8]| session.write(bytes).await;
        let leave = frame::json(&json!({"type": "leave"}));
        check(node, &alice, async |_, one| says(one, &leave).await, &CANNOT_RESUME).await;
        let goodbye = frame::close(1000, b"");
        check(node, &alice, async |_, one| says(one, &goodbye).await, &CANNOT_RESUME).await;
        // By a fault of its own, of RFC 6455 and of what it says.
        let unmasked = [TEXT, 0];
        check(node, &alice, async |_, one| says(one, &unmasked).await, &CANNOT_RESUME).await;
        let no_json = masked(TEXT, b"x").repeat(3);
        check(node, &alice, async |_, one| says(one, &no_json).await, &CANNOT_RESUME).await;

        let kick = async |node: &Node, one: &mut Session| {
            let path = format!("/v1/sessions/{}", one.id);
            node.ask("DELETE", &path, &Value::Null).await;
        };
        check(node, &alice, kick, &CLOSED).await;
        let kick_all = async |node: &Node, _: &mut Session| {
            node.ask("DELETE", "/v1/users/alice/sessions", &Value::Null).await;
        };
        check(node, &alice, kick_all, &CLOSED).await;
        let replace = async |node: &Node, _: &mut Session| {
            node.join_with(&json!({"user": "alice", "policy": "single"})).await;
        };
        check(node, &alice, replace, &REPLACED).await;
        let block = async |node: &Node, _: &mut Session| {
            node.ask("PUT", "/v1/users/alice/block", &json!({})).await;
        };
        check(node, &alice, block, &FORBIDDEN).await;
        // It stays out when the block is lifted: its end is what it was.
        let block_and_lift = async |node: &Node, one: &mut Session| {
            block(node, one).await;
            node.ask("DELETE", "/v1/users/alice/block", &Value::Null).await;
        };
        node.ask("DELETE", "/v1/users/alice/block", &Value::Null).await;
        check(node, &alice, block_and_lift, &FORBIDDEN).await;

        let young = json!({"user": "alice", "max_age": 3});
        let age = async |_: &Node, one: &mut Session| one.closed_with(4203, "too-old").await;
        check(node, &young, age, &TOO_OLD).await;
    });
}

#[test]
fn j9_a_token_of_nobody_or_of_a_moment_ago_brings_nothing_back() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let (first, position) = (session.token.clone(), session.position.clone());
        // Never given out, in this user's partition and in another.
        let strange = [&first[..4], &"0".repeat(22)].concat();
        refused(node, &strange, &position, &CANNOT_RESUME).await;
        refused(node, &format!("r_00{}", "0".repeat(22)), &position, &CANNOT_RESUME).await;
        // Used, and its successor has arrived.
        let mut back = node.resume(&first, &position).await;
        back.caught_up().await;
        back.write(&masked(PONG, b"")).await;
        back.in_step().await;
        refused(node, &first, &position, &CANNOT_RESUME).await;
        // Of a parked session that is ended meanwhile.
        let mut watch = node.watch();
        let (id, token) = (back.id.clone(), back.token.clone());
        back.peer.vanish();
        watch.parked(&id).await;
        node.ask("DELETE", &format!("/v1/sessions/{id}"), &Value::Null).await;
        refused(node, &token, &position, &CLOSED).await;
        // Of a parked session that grew too old meanwhile, whether or not anybody has noticed.
        let young = node.join_with(&json!({"user": "alice", "max_age": 3})).await;
        let born = Clock::timestamp();
        let (id, token) = (young.id.clone(), young.token.clone());
        young.peer.vanish();
        watch.parked(&id).await;
        passed(born.after(std::time::Duration::from_secs(3))).await;
        refused(node, &token, &position, &TOO_OLD).await;
    });
}
