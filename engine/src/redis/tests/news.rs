//! What nodes tell each other of what happens at them, and that they tell nothing unasked.

use protocol::{
    event::What,
    http::{Node as Listed, NodeState},
};
use tokio::sync::mpsc;

use super::{stage::user, *};
use crate::fleet::{Fleet, Told};

fn told(node: &str, after: u64, until: u64) -> Told {
    let event = |n| (n, Timestamp(n), What::UserOnline { user: user("alice") });
    let events = (after + 1..=until).map(event).collect();
    Told { node: node.into(), generation: 1, after, until, events }
}

/// What a node tells of itself.
fn entry(node: &str) -> Listed {
    Listed {
        node: node.to_owned(),
        generation: 1,
        state: NodeState::Ready,
        sessions: 0,
        url: None,
        started_at: Timestamp(1),
        version: String::new(),
    }
}

/// Reports until the node knows that it is wanted, or not.
async fn until_wanted(engine: &Redis, wanted: bool) {
    let known = async {
        loop {
            engine.report(&entry(&engine.me.id)).await.unwrap();
            if *engine.wanted().borrow() == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(8), known).await.expect("it learns of it");
}

async fn next(heard: &mut mpsc::Receiver<Told>) -> Told {
    let next = tokio::time::timeout(Duration::from_secs(8), heard.recv()).await;
    next.expect("it comes in time").expect("it listens")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_listens_hears_others_and_not_itself() {
    let hall = hall().await;
    let ((one, _one), (two, _two)) = (hall.engine("n0").await, hall.engine("n1").await);
    until_wanted(&one, false).await;
    let mut heard = one.hear().unwrap();
    until_wanted(&two, true).await;
    until_wanted(&one, false).await;
    one.tell(&told("n0", 0, 2)).await.unwrap();
    two.tell(&told("n1", 3, 5)).await.unwrap();
    let sign = Told { events: Vec::new(), ..told("n1", 5, 5) };
    two.tell(&sign).await.unwrap();
    assert_eq!(next(&mut heard).await, told("n1", 3, 5));
    assert_eq!(next(&mut heard).await, sign);
    drop(heard);
    until_wanted(&two, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_lost_is_made_anew() {
    let hall = hall().await;
    let ((one, _one), (two, _two)) = (hall.engine("n0").await, hall.engine("n1").await);
    let mut heard = one.hear().unwrap();
    until_wanted(&two, true).await;
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("pubsub");
    let killed: u32 = hall.server.ask(&kill).await;
    assert!(killed >= 1, "nobody listened");
    let mut n = 1;
    let again = loop {
        two.tell(&told("n1", n - 1, n)).await.ok();
        match heard.try_recv() {
            Ok(told) => break told,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        n += 1;
        assert!(n < 500, "it hears nothing more");
    };
    assert!(again.after > 0, "what was told meanwhile is missing, and shows");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_left_out() {
    let hall = hall().await;
    let ((one, _one), (two, _two)) = (hall.engine("n0").await, hall.engine("n1").await);
    let mut heard = one.hear().unwrap();
    until_wanted(&two, true).await;
    for n in 0..1000 {
        two.tell(&told("n1", n, n + 1)).await.unwrap();
    }
    let mut last = 0;
    loop {
        let told = next(&mut heard).await;
        let missed = told.after - last;
        last = told.until;
        if missed > 0 {
            break;
        }
        two.tell(&self::told("n1", last + 2000, last + 2001)).await.unwrap();
    }
}
