//! Race: what holds when many nodes and users call at once.
#![expect(missing_docs, reason = "the names are sentences")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::{
    message::Notice,
    registry::{Admitted, Grant, Proof},
};
use protocol::{
    close::CloseCode,
    grant::{Policy, Scope, WhenFull},
    http::SessionState,
    id::{MessageId, SessionId},
    name::UserId,
    position::Position,
};
use tokio::task::JoinSet;

use super::{
    Rig,
    stage::{Stage, at_once, ends, grant, messages, refused, single, user},
};
use crate::contract::{Departure, Ending, Engine, Query};

/// Tries of what needs an unlucky moment.
const ROUNDS: usize = 20;

pub async fn envelopes_come_in_the_order_of_their_positions(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let users = ["alice", "bob", "carol"].map(user);
    for n in 0..users.len() * stage.nodes() {
        stage.open_at(n, grant(&users[n / stage.nodes()])).await;
    }
    let mut sent: BTreeMap<UserId, BTreeMap<Position, MessageId>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut calls = Vec::new();
        for n in 0..12 {
            let (engine, user) = (stage.engine(n), users[n % users.len()].clone());
            let drafts = [stage.draft(), stage.draft()];
            calls.push(async move {
                let mut numbered = Vec::new();
                for draft in drafts {
                    let id = draft.id;
                    let receipt = engine.append(&user, draft).await.expect("there is room");
                    numbered.push((receipt.position.expect("somebody is there"), id));
                }
                (user, numbered)
            });
        }
        let mut now: BTreeMap<UserId, Vec<_>> = BTreeMap::new();
        for (user, numbered) in at_once(calls).await {
            assert!(numbered[0] < numbered[1], "one sender's messages keep their order");
            now.entry(user).or_default().extend(numbered);
        }
        for (user, mut numbered) in now {
            numbered.sort_unstable();
            for n in 0..stage.nodes() {
                let mail = messages_of(&mut stage, n, &users).await;
                assert_eq!(mail[&user], numbered, "at node {n}: by position, each once");
            }
            sent.entry(user).or_default().extend(numbered);
        }
    }
    for (user, numbered) in sent {
        assert_eq!(numbered.len(), ROUNDS * 8, "no position was given twice");
        let ids: BTreeSet<_> = numbered.values().collect();
        assert_eq!(ids.len(), numbered.len(), "{user}");
    }
}
