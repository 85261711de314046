//! Redis Cluster: the contract, and a primary that is lost.

use kernel::registry::Proof;

use super::{
    cluster_of::Cluster,
    failover::{Before, is_not_good_now},
    *,
};

async fn start() -> Cluster {
    Cluster::of(3, true).await
}

async fn hall(cluster: Arc<Cluster>) -> Hall<Arc<Cluster>> {
    room(cluster)
}

crate::suite!(at_once start hall);

/// Waits until a node goes to this server for a partition.
async fn until_found(engine: &Redis, partition: Partition, at: &str) {
    until("it is found", || async {
        engine.atlas.doubt();
        engine.atlas.host(partition).is_some_and(|host| host.link.door().to_string() == at)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_lost_is_replaced_and_nothing_of_it_is_good_twice() {
    let mut hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let keeper = hall.server.keeper(Partition::of(&alice));
    let before = Before::at(&mut node, &other, &alice).await;
    let elsewhere = user_where(|one| hall.server.keeper(one) != keeper);
    open(&node, &elsewhere, 3).await;
    hall.server.nodes[keeper].kill().await;
    until_lost(&engine).await;
    until_here(&engine).await;
    let after = before.is_not_good_twice(&mut node, &other).await;
    let other_epoch = send_at_last(&other, &elsewhere, 6).await;
    assert!(other_epoch.epoch < after.epoch, "the others lost nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_does_not_know_that_it_was_replaced_vouches_for_nothing() {
    let hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (second, other) = hall.engine("n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let before = Before::at(&mut node, &other, &alice).await;
    let spent = mint(&node, &alice, 3).await;
    let keeper = hall.server.keeper(partition);
    let replicas: u32 = hall.server.nodes[keeper].tell("WAIT 1 10000").await;
    assert_eq!(replicas, 1);
    let new = hall.server.replace_unheard(keeper).await.at();
    // These the old one accepts, and the new one never has.
    place(&node, Proof::Ticket(spent, None), 3).await.expect("it is good, once");
    let lost = send(&other, &alice, 2).await;
    assert_eq!(next_position(&mut node, &alice).await, lost);
    for engine in [&engine, &second] {
        until_found(engine, partition, &new).await;
    }
    is_not_good_now(&other, spent).await;
    let after = before.is_not_good_twice(&mut node, &other).await;
    assert!(after.epoch > lost.epoch, "{after} after {lost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moved_to_a_primary_that_was_lost_right_after_is_in_doubt() {
    let mut hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (second, other) = hall.engine("n1").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let before = Before::at(&mut node, &other, &alice).await;
    let spent = mint(&node, &alice, 3).await;
    let from = hall.server.keeper(partition);
    let to = (from + 1) % 3;
    let replica = to + 3;
    for engine in [&engine, &second] {
        until_a_slot_may_move(engine, partition).await;
    }
    hall.server.carry_over(partition, from, to).await;
    let count = format!("CLUSTER COUNTKEYSINSLOT {}", crate::redis::keys::slot_of(partition));
    until("its replica has the keys", || async {
        let there: u32 = hall.server.nodes[to].tell(&count).await;
        hall.server.nodes[replica].tell::<u32>(&count).await == there
    })
    .await;
    // What the new one is told from now on its replica never learns.
    let held = hall.server.nodes[replica].hold().await;
    let _killed: u32 = hall.server.nodes[to].tell("CLIENT KILL TYPE replica").await;
    hall.server.shift(partition, from, to).await;
    let lost = send_at_last(&other, &alice, 2).await;
    assert_eq!(next_message(&mut node, &alice).await, lost);
    place(&node, Proof::Ticket(spent, None), 3).await.expect("it is good, once");
    let at = hall.server.nodes[replica].at();
    hall.server.nodes[to].kill().await;
    drop(held);
    until_found(&engine, partition, &at).await;
    is_not_good_now(&other, spent).await;
    let after = before.is_not_good_twice(&mut node, &other).await;
    assert!(after.epoch > lost.epoch, "{after} after {lost}");
}

#[tokio::test]
async fn a_node_of_a_cluster_is_not_one_server_and_the_reverse() {
    let cluster = Cluster::of(1, false).await;
    let at = cluster.nodes[0].at();
    let line = refusal(&options(&format!("redis://{at}"))).await;
    let expected =
        format!("Redis at {at} is of a Cluster; write redis+cluster://host:port in engine.url");
    assert_eq!(line, expected);
    let server = Server::start(&[]).await;
    let at = server.at();
    let line = refusal(&options(&format!("redis+cluster://{at}"))).await;
    let expected = format!("Redis at {at} is of no Cluster; write redis://host:port in engine.url");
    assert_eq!(line, expected);
}
