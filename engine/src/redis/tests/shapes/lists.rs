//! Several servers that know nothing of each other.

use kernel::registry::Proof;

use super::*;

/// Two of them.
struct Two([Server; 2]);

impl Ground for Two {
    fn url(&self) -> String {
        format!("{},{}", self.0[0].url(), self.0[1].url())
    }
}

async fn start() -> Two {
    Two([Server::start(&[]).await, Server::start(&[]).await])
}

async fn hall(two: Arc<Two>) -> Hall<Arc<Two>> {
    room(two)
}

crate::suite!(at_once start hall);

/// A user at each of the two servers.
fn users(engine: &Redis, two: &Two) -> [UserId; 2] {
    [0, 1].map(|at| {
        user_where(|one| {
            engine
                .atlas
                .host(one)
                .is_some_and(|host| host.link.door().to_string() == two.0[at].at())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_is_lost_the_other_goes_on() {
    let mut hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let [lost, kept] = users(&engine, &hall.server);
    open(&node, &lost, 1).await;
    open(&node, &kept, 2).await;
    hall.server.0[0].kill().await;
    until_lost(&engine).await;
    let (partitions, now) = (engine.atlas.of(&engine.atlas.hosts()[0]).len(), engine.health());
    let is_ready = now.borrow().is_here();
    assert_eq!(is_ready, partitions * 2 < 256, "by whether most are there");
    let sent = send(&node, &kept, 3).await;
    assert_eq!(next_message(&mut node, &kept).await, sent);
    // Whoever finds it lost cannot know; all others do.
    until("it is known to be lost", || async {
        let refused = node.engine.append(&lost, draft(4)).await.expect_err("it is lost");
        refused == Failed::NotDone.into()
    })
    .await;
    hall.server.0[0].rise().await;
    until_here(&engine).await;
    // It kept nothing.
    open(&node, &lost, 5).await;
    let sent = send_at_last(&node, &lost, 6).await;
    assert_eq!(next_message(&mut node, &lost).await, sent);
    let again = send(&node, &kept, 7).await;
    assert_eq!(next_message(&mut node, &kept).await, again);
}

#[tokio::test]
async fn another_list_of_servers_is_refused() {
    let two = start().await;
    let hall = Hall::at(two, "usher:");
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let ticket = mint(&node, &alice, 1).await;
    drop(engine);
    let at = hall.server.0[0].at();
    let line = refusal(&options(&hall.server.0[0].url())).await;
    let mut names = [at.clone(), hall.server.0[1].at()];
    names.sort();
    let expected = format!(
        "Redis at {at} has kept \"usher 1, 256 partitions on {}\", and engine.url asks for \"usher 1, \
         256 partitions\"; give all nodes the same list, or stop them all and delete usher:layout \
         on each server to change it",
        names.join(" ")
    );
    assert_eq!(line, expected);
    // After that it is another primary for all that was: it may have been elsewhere since.
    hall.stop("n0");
    let home = user_where(|one| one == Partition::of(&alice));
    let _gone: u32 = hall.server.0[0].tell("DEL usher:layout").await;
    let one = Hall::at(Server::start(&[]).await, "usher:");
    let alone = options(&hall.server.0[0].url());
    let (_, node) = one.engine_with("n1", &alone).await;
    let refused = place(&node, Proof::Ticket(ticket, None), 2).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::TicketUnknown)));
    open(&node, &home, 3).await;
}
