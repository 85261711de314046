//! Short ways to say things to an engine.

use std::net::Ipv4Addr;

use kernel::{
    message::{Envelope, Notice},
    registry::{Admitted, Proof},
};
use protocol::{
    grant::{Meta, Policy, SendGrant},
    id::{MessageId, SessionId},
    position::Position,
    target::Target,
};

use super::*;

/// Long enough for an election on a busy machine.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
pub(super) const LOOKS: Duration = Duration::from_millis(20);

/// Waits until something that nobody tells is so.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let so = async {
        while !is_so().await {
            tokio::time::sleep(LOOKS).await;
        }
    };
    tokio::time::timeout(SOON, so).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

pub(super) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(super) fn grant(user: &UserId, policy: Policy) -> Grant {
    Grant {
        user: user.clone(),
        device: None,
        class: None,
        policy,
        send: SendGrant::None,
        origin: None,
        max_age: None,
        meta: Meta::default(),
    }
}

/// Issues a ticket that is good for long.
pub(super) async fn mint(node: &Node, user: &UserId, bits: u128) -> Ticket {
    let ticket = Ticket::new(Partition::of(user), bits);
    let ttl = Duration::from_secs(600);
    node.engine.mint(ticket, grant(user, Policy::MULTI), ttl).await.expect("it is issued");
    ticket
}

pub(super) fn attempt(node: &Node, proof: Proof, bits: u128) -> Attempt {
    Attempt {
        proof,
        session: SessionId::new(proof.partition(), bits),
        token: ResumeToken::new(proof.partition(), bits),
        node: Arc::clone(&node.me),
        address: Ipv4Addr::LOCALHOST.into(),
        origin: None,
        origin_allowed: false,
    }
}

/// Tries a proof at a node.
pub(super) async fn place(node: &Node, proof: Proof, bits: u128) -> Result<Admitted, NotAdmitted> {
    node.engine.admit(attempt(node, proof, bits)).await.map(|admission| *admission.admitted)
}

/// The same until there is an answer, as when the node has no lease yet.
pub(super) async fn place_at_last(
    node: &Node,
    proof: Proof,
    bits: u128,
) -> Result<Admitted, NotAdmitted> {
    let placed = async {
        loop {
            match place(node, proof, bits).await {
                Err(NotAdmitted::Failed(_)) => tokio::time::sleep(LOOKS).await,
                placed => return placed,
            }
        }
    };
    tokio::time::timeout(SOON, placed).await.expect("it is answered")
}

/// A session at a node.
pub(super) async fn open(node: &Node, user: &UserId, bits: u128) -> Admitted {
    let ticket = mint(node, user, bits).await;
    place(node, Proof::Ticket(ticket, None), bits).await.expect("there is a place")
}

pub(super) fn draft(bits: u128) -> Draft {
    Draft {
        id: MessageId::new(Partition(0), bits),
        data: serde_json::from_str("\"hello\"").unwrap(),
        from: None,
        echo_of: None,
        to: Target::All,
        except: None,
        volatile: false,
        ttl: None,
        key: None,
        by: None,
    }
}

/// Sends a message that takes a position.
pub(super) async fn send(node: &Node, user: &UserId, bits: u128) -> Position {
    let receipt = node.engine.append(user, draft(bits)).await.expect("it is accepted");
    receipt.position.expect("somebody is there")
}

/// The next envelope for a user at a node.
pub(super) async fn next(node: &mut Node, user: &UserId) -> Envelope {
    let shard = protocol::partition::slice_of(user, node.shards.len());
    loop {
        let letter = tokio::time::timeout(SOON, node.shards[shard].letters.recv()).await;
        let letter = letter.expect("it comes").expect("the engine is there");
        if let Some(envelope) = letter.envelope() {
            return envelope;
        }
    }
}

/// Fills the mailbox of a user's shard to the last place, with what says nothing.
pub(super) fn fill(engine: &Redis, node: &Node, user: &UserId) {
    let shard = protocol::partition::slice_of(user, node.shards.len());
    for _ in 0..node.shards[shard].letters.capacity() {
        engine.mailboxes.deliver(Envelope { user: user.clone(), notice: Notice::Probe(vec![]) });
    }
}

/// The position of the next message for a user at a node.
pub(super) async fn next_position(node: &mut Node, user: &UserId) -> Position {
    loop {
        match next(node, user).await.notice {
            Notice::Message(message) => return message.position.expect("none is volatile"),
            // Another epoch began.
            Notice::Behind(_) => {}
            other => panic!("no message: {other:?}"),
        }
    }
}

/// Waits until the engine is there.
pub(super) async fn until_here(engine: &Redis) {
    until_health(engine, |now| *now == Health::Here).await;
}

/// Waits until it is not.
pub(super) async fn until_lost(engine: &Redis) {
    until_health(engine, |now| *now != Health::Here).await;
}

async fn until_health(engine: &Redis, is_so: impl FnMut(&Health) -> bool) {
    let mut health = engine.health();
    let so = tokio::time::timeout(SOON, health.wait_for(is_so)).await;
    drop(so.expect("it is noticed").expect("the engine is there"));
}

/// Redis crashes and comes back with what it kept, and all know it.
pub(super) async fn crash(hall: &mut Hall, engines: &[&Redis]) {
    hall.server.kill().await;
    for engine in engines {
        until_lost(engine).await;
    }
    hall.server.rise().await;
    for engine in engines {
        until_here(engine).await;
    }
}
