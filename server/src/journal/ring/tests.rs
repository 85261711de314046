//! What is heard of others, what of it is missing, and what is told.

use kernel::message::NodeRef;
use protocol::{
    http::{Node, NodeState},
    name::UserId,
};

use super::{super::*, *};

fn journal(node: &str) -> Arc<Journal> {
    Arc::new(Journal::new(&NodeRef { id: node.into(), generation: 1 }))
}

fn online(name: &str) -> What {
    What::UserOnline { user: UserId::parse(name).unwrap() }
}

/// `n2` tells events with these numbers.
fn told(after: u64, numbers: &[u64], until: u64) -> Told {
    let events = numbers.iter().map(|n| (*n, Timestamp(*n), online("bob"))).collect();
    Told { node: "n2".into(), generation: 1, after, until, events }
}

/// What a watcher sees until there is nothing more, as numbers; places behind them.
async fn seen(mut watcher: Watcher) -> String {
    let mut seen = Vec::new();
    watcher.journal.close();
    while let Some(Numbered { number, event, place }) = watcher.next().await {
        let place = place.map(|place| format!("@{}", place.n)).unwrap_or_default();
        seen.push(match event.what {
            What::Gap(Gap { after, until, reason, missed: None }) => {
                assert_eq!(until, number);
                format!("({reason:?} {}.{}-{}.{}){place}", after.node, after.n, until.node, until.n)
            }
            What::NodeDown => format!("{}.{}{place} {} down", number.node, number.n, event.node),
            What::NodeUp { .. } => {
                format!("{}.{}{place} {} up", number.node, number.n, event.node)
            }
            _ => {
                assert_eq!(event.node, number.node);
                format!("{}.{}{place}", number.node, number.n)
            }
        });
    }
    seen.join(" ")
}

#[tokio::test]
async fn what_others_tell_stands_among_ones_own_with_their_numbers() {
    let journal = journal("n1");
    let (all, own) = (journal.watch(Filter::default()), journal.watch_own());
    let bobs = Filter { user: UserId::parse("bob").ok(), ..Filter::default() };
    let bobs = journal.watch(bobs);
    journal.add(online("alice"));
    journal.hear(told(0, &[1, 3], 4));
    journal.add(online("alice"));
    journal.hear(told(4, &[5], 5));
    assert_eq!(seen(all).await, "n1.1 n2.1@2 n2.3@3 n1.4 n2.5@5");
    assert_eq!(seen(own).await, "n1.1 n1.4");
    assert_eq!(seen(bobs).await, "n2.1@2 n2.3@3 n2.5@5");
}

#[tokio::test]
async fn what_was_not_heard_is_a_gap_and_what_is_told_again_is_nothing() {
    for (heard, expected) in [
        (vec![told(0, &[1], 1), told(0, &[1, 2], 2), told(1, &[2], 2)], "n2.1@1 n2.2@2"),
        (vec![told(7, &[8], 8)], "(Unheard n2.0-n2.7)@1 n2.8@2"),
        (
            vec![told(0, &[1], 1), told(3, &[], 3), told(3, &[4], 4)],
            "n2.1@1 (Unheard n2.1-n2.3)@2 n2.4@3",
        ),
        // Nothing happened there, so nothing is missing.
        (vec![told(0, &[], 0), told(0, &[], 5), told(5, &[6], 6)], "n2.6@1"),
        // It told more before, to others.
        (vec![told(4, &[5], 5), told(2, &[3, 4, 5, 6], 6)], "(Unheard n2.0-n2.4)@1 n2.5@2 n2.6@3"),
    ] {
        let journal = journal("n1");
        // Of gaps everybody is told.
        let nobody = Filter { user: UserId::parse("carol").ok(), ..Filter::default() };
        let (all, nobodys) = (journal.watch(Filter::default()), journal.watch(nobody));
        heard.into_iter().for_each(|told| journal.hear(told));
        assert_eq!(seen(all).await, expected);
        assert_eq!(seen(nobodys).await.matches('(').count(), expected.matches('(').count());
    }
}

#[tokio::test]
async fn who_comes_back_goes_on_after_the_place_or_is_told_that_it_may_be_another_feed() {
    let journal = journal("n1");
    journal.add(online("alice"));
    journal.hear(told(0, &[1, 3], 4));
    journal.add(online("alice"));
    let after = |node: &str, n| Number { node: node.into(), generation: 1, n };
    for (after, expected) in [
        (after("n1", 1), "n2.1@2 n2.3@3 n1.4"),
        (after("n1", 2), "n2.3@3 n1.4"),
        (after("n1", 4), ""),
        (after("n2", 1), "(Unknown n2.1-n1.2) n2.3@3 n1.4"),
        (after("n2", 2), "(Unknown n2.2-n1.2) n2.3@3 n1.4"),
        (after("n2", 9), "(Unknown n2.9-n1.3) n1.4"),
        (after("n3", 1), "(Unknown n3.1-n1.0) n1.1 n2.1@2 n2.3@3 n1.4"),
    ] {
        let watcher = journal.watch_after(Filter::default(), &after);
        if *after.node == *"n1" {
            assert_eq!(watcher.seen(), after);
        }
        assert_eq!(seen(watcher).await, expected, "{after}");
    }
    // A feed that ends in the midst of what it took goes on there.
    let mut watcher = Arc::new(Journal::new(&NodeRef { id: "n1".into(), generation: 1 }))
        .watch(Filter::default());
    watcher.journal.hear(told(2, &[3, 4], 4));
    for n in 1..=3 {
        watcher.next().await.unwrap();
        assert_eq!(watcher.seen(), after("n1", n));
    }
}

#[tokio::test]
async fn a_node_that_others_miss_is_told_to_be_down_once() {
    let journal = journal("n1");
    journal.hear(told(0, &[1], 1));
    journal.miss("n2", 1);
    let down = vec![(1, Timestamp(1), What::NodeDown)];
    journal.hear(Told { node: "n3".into(), generation: 1, after: 0, until: 1, events: down });
    journal.miss("n3", 1);
    journal.miss("n4", 1);
    let told = journal.told_after(0);
    assert_eq!((told.events, told.until), (Vec::new(), 4), "none of it is its own to tell");
    let own = journal.watch_own();
    let seen = seen(journal.watch_after(Filter::default(), &journal.number(0))).await;
    assert_eq!(seen, "n2.1@1 n1.2 n2 down n3.1@3 n3 down n1.4 n4 down");
    assert_eq!(self::seen(own).await, "n1.2 n2 down n1.4 n4 down");
}

#[tokio::test]
async fn a_node_that_others_missed_is_told_to_be_up_when_it_is_back_and_goes_on_without_a_gap() {
    let journal = journal("n1");
    journal.hear(told(0, &[1], 1));
    journal.miss("n2", 1);
    let (state, started_at) = (NodeState::Ready, Timestamp(1));
    let (url, version) = (None, "1".to_owned());
    let node = "n2".to_owned();
    journal.meet_again(&Node { node, generation: 1, state, sessions: 0, url, started_at, version });
    journal.hear(told(1, &[2], 2));
    let seen = seen(journal.watch_after(Filter::default(), &journal.number(0))).await;
    assert_eq!(seen, "n2.1@1 n1.2 n2 down n1.3 n2 up n2.2@4");
}

#[test]
fn what_is_told_has_no_holes_but_what_is_not_kept() {
    let journal = journal("n1");
    for _ in 0..10 {
        journal.add(online("alice"));
        let last = journal.ring().last;
        journal.hear(told(last - 1, &[last], last));
    }
    let told = journal.told_after(3);
    assert_eq!((told.after, told.until), (3, journal.ring().last));
    assert!(told.events.is_sorted_by(|a, b| a.0 < b.0));
    for _ in 0..limit::EVENTS_KEPT {
        journal.add(online("alice"));
    }
    let oldest = journal.ring().oldest();
    let told = journal.told_after(3);
    assert_eq!((told.after, told.until), (oldest - 1, oldest - 1 + TOLD_MAX as u64));
    let all = journal.place_before(Timestamp(0));
    assert_eq!((all, journal.place_before(Timestamp(u64::MAX))), (oldest - 1, journal.ring().last));
}
