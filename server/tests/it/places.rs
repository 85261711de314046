//! Places: a policy that rejects asks first whether anybody is there.

use std::time::Duration;

use protocol::{limit::PROBE_SHARED, time::Timestamp};
use serde_json::{Value, json};
use server::clock::Clock;

use crate::node::{Node, config, passed, with_node};

fn shy(max: u32) -> Value {
    json!({"user": "alice", "policy": {"max": max, "when_full": "reject"}})
}

/// Waits until who came by now is not taken for granted any more.
async fn awhile() {
    passed(Clock::timestamp().after(PROBE_SHARED + Duration::from_millis(50))).await;
}

async fn offer(node: &Node, request: &Value) -> (String, String) {
    let ticket = node.ticket(request).await;
    let offer = format!("usher.v1, ticket.{ticket}");
    (ticket, offer)
}

#[test]
fn h16_who_answers_keeps_the_place_and_the_newcomer_is_refused() {
    with_node(config(), async |node| {
        let mut first = node.join("alice").await;
        awhile().await;
        let (_, offer) = offer(node, &shy(1)).await;
        let newcomer =
            async { node.dial("", &offer).await.closed_with(4423, "limit-reached").await };
        let answers = async {
            first.typed("ping").await;
            first.send(&json!({"type": "pong"})).await;
        };
        tokio::join!(newcomer, answers);
        // The answer holds for a while; nobody is asked again.
        let mut second = node.dial("", &offer).await;
        second.closed_with(4423, "limit-reached").await;
        first.in_step().await;
        first.send(&json!({"type": "leave"})).await;
        first.closed_with(1000, "").await;
        // The ticket was not spent.
        node.dial("", &offer).await.typed("welcome").await;
    });
}

#[test]
fn h16_who_does_not_answer_yields_and_cannot_come_back() {
    with_node(config(), async |node| {
        let mut silent = node.join("alice").await;
        awhile().await;
        let (_, offer) = offer(node, &shy(1)).await;
        let mut newcomer = node.dial("", &offer).await;
        newcomer.typed("welcome").await;
        silent.typed("ping").await;
        silent.closed_with(4002, "no-pong").await;
        let mut late = node.try_resume(&silent.token, &silent.position).await;
        late.closed_with(4409, "replaced").await;
        newcomer.in_step().await;
    });
}

#[test]
fn all_newcomers_wait_for_one_answer() {
    with_node(config(), async |node| {
        let mut first = node.join("alice").await;
        awhile().await;
        let mut offers = Vec::new();
        for _ in 0..8 {
            offers.push(offer(node, &shy(1)).await.1);
        }
        let newcomers = offers.iter().map(async |offer| {
            node.dial("", offer).await.closed_with(4423, "limit-reached").await;
        });
        let answers = async {
            first.typed("ping").await;
            first.send(&json!({"type": "pong"})).await;
        };
        tokio::join!(futures_util::future::join_all(newcomers), answers);
        first.in_step().await;
    });
}

#[test]
fn a_parked_session_yields_at_once() {
    with_node(config(), async |node| {
        let parked = node.join("alice").await;
        let mut watch = node.watch();
        let (id, token, position) =
            (parked.id.clone(), parked.token.clone(), parked.position.clone());
        parked.peer.vanish();
        watch.parked(&id).await;
        let before = Clock::timestamp();
        let mut newcomer = node.join_with(&shy(1)).await;
        assert!(Clock::timestamp() < Timestamp(before.0 + 2500), "nobody had to be asked");
        node.try_resume(&token, &position).await.closed_with(4409, "replaced").await;
        assert_eq!(watch.ended(&id).await, 4409);
        newcomer.in_step().await;
    });
}
