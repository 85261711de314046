//! The same engine on other shapes of Redis: the contract, and what each shape alone can do.

mod cluster;
mod lists;
mod sentinel;
mod tls;

mod failover;
mod cluster_of;
mod slots;

use std::sync::atomic::AtomicUsize;

use super::{fitness::refusal, server::Server, stage::*, *};

/// Room for one test among others on the same ground.
fn room<G: Ground>(ground: Arc<G>) -> Hall<Arc<G>> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut hall = Hall::at(ground, &format!("room{count}:"));
    // Nodes take time to start, and two are enough to be apart.
    hall.nodes = 2;
    // Tests at once have less time each.
    hall.window = WINDOW * 2;
    hall.stream.age = hall.window + Duration::from_secs(5);
    hall
}

impl<G: Ground> Ground for Arc<G> {
    fn url(&self) -> String {
        (**self).url()
    }
}

/// Waits until a partition was renewed after all servers were connected to: before, its slot could
/// not move to each of them without a doubt.
async fn until_a_slot_may_move(engine: &Redis, partition: Partition) {
    until("it is renewed", || async {
        let asked = engine.tenure.asked(partition);
        engine.atlas.hosts().iter().all(|host| host.link.is_there_since(asked))
    })
    .await;
}

/// A user of a partition that `fits`.
fn user_where(fits: impl Fn(Partition) -> bool) -> UserId {
    let mut users = (0..).map(|n| user(&format!("user-{n}")));
    users.find(|user| fits(Partition::of(user))).expect("each partition has users")
}

/// The position of the next message for a user at a node, whatever else is told there.
async fn next_message(node: &mut Node, user: &UserId) -> protocol::position::Position {
    let found = async {
        loop {
            let envelope = next(node, user).await;
            if let kernel::message::Notice::Message(message) = envelope.notice
                && envelope.user == *user
            {
                return message.position.expect("none is volatile");
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("it comes")
}

/// Sends until it is accepted.
async fn send_at_last(node: &Node, user: &UserId, bits: u128) -> protocol::position::Position {
    let sent = async {
        loop {
            if let Ok(receipt) = node.engine.append(user, draft(bits)).await {
                return receipt.position.expect("somebody is there");
            }
            tokio::time::sleep(LOOKS).await;
        }
    };
    tokio::time::timeout(SOON, sent).await.expect("it is accepted again")
}
