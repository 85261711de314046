//! What watchers see, who come, are slow, and come back.

use protocol::{limit, name::UserId};

use super::*;

const KEPT: u64 = limit::EVENTS_KEPT as u64;

fn journal() -> Arc<Journal> {
    Arc::new(Journal::new(&NodeRef { id: "n1".into(), generation: 0xabc }))
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn add(journal: &Journal, count: usize) {
    for _ in 0..count {
        journal.add(What::UserOnline { user: user("alice") });
    }
}

/// What a watcher sees until there is nothing more: `1 2 3`, and gaps as `(reason 0-2 3)`.
async fn seen(watcher: &mut Watcher) -> String {
    let mut seen = Vec::new();
    watcher.journal.close();
    while let Some(Numbered { number, event, place: None }) = watcher.next().await {
        assert_eq!((&*number.node, number.generation), ("n1", 0xabc));
        seen.push(match event.what {
            What::Gap(Gap { after, until, reason, missed }) => {
                assert_eq!(until, number);
                let missed = missed.map_or_else(|| "?".to_owned(), |n| n.to_string());
                format!("({reason:?} {}-{} {missed})", after.n, until.n)
            }
            _ => number.n.to_string(),
        });
    }
    seen.join(" ")
}

fn range(from: u64, to: u64) -> String {
    (from..=to).map(|n| n.to_string()).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_watcher_sees_what_happens_from_now_on() {
    let journal = journal();
    add(&journal, 2);
    let mut watcher = journal.watch(Filter::default());
    add(&journal, 200);
    assert_eq!(seen(&mut watcher).await, range(3, 202));
}

#[tokio::test]
async fn a_watcher_waits_for_what_is_still_to_come() {
    let journal = journal();
    let mut watcher = journal.watch(Filter::default());
    let (next, ()) = tokio::join!(watcher.next(), async { add(&journal, 1) });
    assert_eq!(next.unwrap().number.n, 1);
    let (next, ()) = tokio::join!(watcher.next(), async { journal.close() });
    assert_eq!(next, None);
    // What happens after the end is nobody's.
    add(&journal, 1);
    assert_eq!(watcher.next().await, None);
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_left() {
    let journal = journal();
    add(&journal, 7);
    let after = |n| Number { node: "n1".into(), generation: 0xabc, n };
    for (n, expected) in [(0, "1 2 3 4 5 6 7"), (5, "6 7"), (7, "")] {
        let mut watcher = journal.watch_after(Filter::default(), &after(n));
        assert_eq!(seen(&mut watcher).await, expected);
    }
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_told_as_a_gap() {
    let journal = journal();
    let mut slow = journal.watch(Filter::default());
    add(&journal, limit::EVENTS_KEPT + 100);
    let mut late = journal.watch_after(Filter::default(), &slow.journal.number(7));
    let mut known = journal.watch_after(Filter::default(), &slow.journal.number(100));
    let kept = range(101, KEPT + 100);
    assert_eq!(seen(&mut late).await, format!("(Expired 7-100 93) {kept}"));
    assert_eq!(seen(&mut slow).await, format!("(Slow 0-100 100) {kept}"));
    assert_eq!(seen(&mut known).await, kept);
    let mut all = journal.watch_own();
    assert_eq!(seen(&mut all).await, format!("(Expired 0-100 100) {kept}"));
}

#[tokio::test]
async fn a_slow_watcher_gets_what_it_had_taken_before_it_is_told_of_the_gap() {
    let journal = journal();
    let mut watcher = journal.watch(Filter::default());
    add(&journal, 100);
    assert_eq!(watcher.next().await.unwrap().number.n, 1);
    add(&journal, 2 * limit::EVENTS_KEPT);
    let (from, missed) = (KEPT + 101, KEPT + 36);
    let gap = format!("(Slow 64-{} {missed})", from - 1);
    let expected = format!("{} {gap} {}", range(2, 64), range(from, 2 * KEPT + 100));
    assert_eq!(seen(&mut watcher).await, expected);
}

#[tokio::test]
async fn numbers_of_other_nodes_and_times_are_not_taken_for_ours() {
    let journal = journal();
    add(&journal, 3);
    let number = |node: &str, generation, n| Number { node: node.into(), generation, n };
    for (after, expected) in [
        (number("n1", 0xabb, 2), "(Restarted 2-0 ?) 1 2 3"),
        (number("n2", 0xabc, 2), "(Unknown 2-0 ?) 1 2 3"),
        (number("n1", 0xabc, 4), "(Unknown 4-0 ?) 1 2 3"),
    ] {
        let mut watcher = journal.watch_after(Filter::default(), &after);
        assert_eq!(seen(&mut watcher).await, expected);
    }
}

#[tokio::test]
async fn a_filter_lets_through_what_is_wanted_and_gaps() {
    let journal = journal();
    let watch = |user: Option<&str>, kinds: &[Kind]| {
        let user = user.map(|name| UserId::parse(name).unwrap());
        journal.watch(Filter { user, kinds: kinds.to_vec(), ..Filter::default() })
    };
    let mut all = watch(None, &[]);
    let mut bobs = watch(Some("bob"), &[]);
    let mut nodes = watch(None, &[Kind::NodeUp, Kind::NodeDown]);
    let mut bobs_ends = watch(Some("bob"), &[Kind::UserOffline]);
    journal.add(What::UserOnline { user: user("alice") });
    journal.add(What::UserOnline { user: user("bob") });
    journal.add(What::NodeDraining);
    journal.add(What::UserOffline { user: user("bob") });
    journal.add(What::NodeDown);
    assert_eq!(seen(&mut all).await, "1 2 3 4 5");
    assert_eq!(seen(&mut bobs).await, "2 4");
    assert_eq!(seen(&mut nodes).await, "5");
    assert_eq!(seen(&mut bobs_ends).await, "4");
    // It has looked at the others all the same, and need not see them again.
    assert_eq!(bobs.seen().n, 5);
}
