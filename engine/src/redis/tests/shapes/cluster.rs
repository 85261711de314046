//! Redis Cluster: the contract, and a primary that is lost.

use kernel::registry::Proof;
use protocol::frame::GapReason;

use super::{cluster_of::Cluster, *};

async fn start() -> Cluster {
    Cluster::of(3, true).await
}

async fn hall(cluster: Arc<Cluster>) -> Hall<Arc<Cluster>> {
    room(cluster)
}

crate::suite!(at_once start hall);

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_lost_is_replaced_and_nothing_of_it_is_good_twice() {
    let mut hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let keeper = hall.server.keeper(Partition::of(&alice));
    let opened = open(&node, &alice, 1).await;
    let ticket = mint(&node, &alice, 2).await;
    let before = send(&other, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, before);
    let elsewhere = user_where(|one| hall.server.keeper(one) != keeper);
    open(&node, &elsewhere, 3).await;
    hall.server.nodes[keeper].kill().await;
    until_lost(&engine).await;
    until_here(&engine).await;
    let refused = place(&node, Proof::Ticket(ticket, None), 4).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::TicketUnknown)));
    let after = send_at_last(&other, &alice, 5).await;
    assert!(after.epoch > before.epoch, "{after} after {before}");
    assert_eq!(next_message(&mut node, &alice).await, after);
    let reader = Reader { user: alice.clone(), fenced: opened.fenced, after: before };
    let page = node.engine.read(&reader, 10, 1000).await.unwrap().expect("the session was kept");
    assert_eq!(page.gap.expect("it is told").reason, GapReason::Epoch);
    let other_epoch = send_at_last(&other, &elsewhere, 6).await;
    assert!(other_epoch.epoch < after.epoch, "the others lost nothing");
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
