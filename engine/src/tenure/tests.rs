//! When a lease is held, and when it is another term.

use super::*;

const LEASE: Duration = Duration::from_secs(5);
const HERE: Partition = Partition(7);

async fn pass(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

fn renewed(tenure: &Tenure) -> bool {
    renewed_by(tenure, tenure.now(), false)
}

fn renewed_by(tenure: &Tenure, sent: Instant, lapsed: bool) -> bool {
    tenure.renewed(HERE, Renewal { sent, lapsed, until: Timestamp(5000) })
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_from_when_it_was_asked_for_and_not_to_its_very_end() {
    let tenure = Tenure::new(LEASE);
    assert_eq!(tenure.look(HERE), None, "it holds none yet");
    let sent = tenure.now();
    pass(1000).await;
    assert!(renewed_by(&tenure, sent, true), "the first one");
    let term = tenure.look(HERE);
    assert!(term.is_some());
    pass(3499).await;
    assert_eq!(tenure.look(HERE), term);
    pass(1).await;
    assert_eq!(tenure.look(HERE), None);
    assert_eq!(tenure.look(Partition(8)), None, "each partition has its own");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_in_time_is_the_same_term() {
    let tenure = Tenure::new(LEASE);
    renewed(&tenure);
    let term = tenure.look(HERE);
    for _ in 0..10 {
        pass(4000).await;
        assert!(!renewed(&tenure));
        assert_eq!(tenure.look(HERE), term);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_late_is_another_term_though_nobody_looked() {
    let tenure = Tenure::new(LEASE);
    renewed(&tenure);
    let term = tenure.look(HERE);
    pass(60_000).await;
    assert!(renewed(&tenure));
    assert!(tenure.look(HERE).is_some());
    assert_ne!(tenure.look(HERE), term);
}

#[tokio::test(start_paused = true)]
async fn whoever_was_told_that_a_lease_is_lost_is_told_of_another_term() {
    let tenure = Tenure::new(LEASE);
    renewed(&tenure);
    let (term, sent) = (tenure.look(HERE), tenure.now());
    pass(4600).await;
    assert_eq!(tenure.look(HERE), None);
    assert!(renewed_by(&tenure, sent + Duration::from_secs(4), false));
    assert!(tenure.look(HERE).is_some_and(|now| Some(now) != term));
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_took_for_lost_is_another_term_though_the_clock_says_otherwise() {
    let tenure = Tenure::new(LEASE);
    renewed(&tenure);
    assert!(renewed_by(&tenure, tenure.now(), true));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_settled_when_it_has_been_held_for_as_long_as_it_lasts() {
    let tenure = Tenure::new(LEASE);
    for _ in 0..2 {
        pass(60_000).await;
        assert!(!tenure.is_settled(HERE));
        renewed(&tenure);
        pass(3000).await;
        renewed(&tenure);
        assert!(!tenure.is_settled(HERE));
        pass(2000).await;
        assert!(tenure.is_settled(HERE));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_not_settled_while_a_silent_engine_may_have_cost_others_theirs() {
    let tenure = Tenure::new(LEASE);
    for _ in 0..4 {
        renewed(&tenure);
        pass(1600).await;
    }
    assert!(tenure.is_settled(HERE));
    pass(1800).await;
    assert!(!tenure.is_settled(HERE), "whoever renewed before it has no lease any more");
    let sent = tenure.now();
    pass(400).await;
    assert!(!renewed_by(&tenure, sent, false), "its own was not lost");
    pass(1600).await;
    renewed(&tenure);
    assert!(!tenure.is_settled(HERE), "others may need a turn");
    for _ in 0..3 {
        pass(1200).await;
        renewed(&tenure);
    }
    assert!(tenure.is_settled(HERE));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_lease_is_told_by_the_clock_of_another_server() {
    const THERE: Partition = Partition(8);
    let tenure = Tenure::new(LEASE);
    let began = tenure.now();
    assert_eq!(tenure.until(HERE), began, "it holds none yet");
    let renewed = |partition, sent, clock| {
        let until = Timestamp(clock).after(LEASE);
        tenure.renewed(partition, Renewal { sent, lapsed: false, until });
    };
    renewed(HERE, began, 70_000);
    renewed(THERE, began, 2_000_000);
    let end = tenure.until(HERE);
    assert_eq!(end, began + LEASE * 9 / 10);
    assert_eq!(tenure.there(HERE, end), Timestamp(74_500));
    assert_eq!(tenure.there(THERE, end), Timestamp(2_004_500));
    let sent = tenure.now();
    pass(400).await;
    renewed(THERE, sent, 2_000_100);
    assert_eq!(tenure.there(THERE, end), Timestamp(2_004_200), "earlier rather than later");
    pass(60_000).await;
    assert_eq!(tenure.look(HERE), None);
    assert!(tenure.until(HERE) < tenure.now());
}
