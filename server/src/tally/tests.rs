//! What is counted, and what is shown of it.

use protocol::{
    event::What, id::SessionId, name::UserId, partition::Partition, problem::ProblemCode,
};

use super::*;

const SESSION: SessionId = SessionId::new(Partition(1), 1);

fn user() -> UserId {
    UserId::parse("alice").unwrap()
}

#[test]
fn what_is_told_is_counted() {
    let tally = Tally::new(1);
    let refused = |problem| What::TicketRefused {
        problem,
        code: None,
        origin: None,
        address: [127, 0, 0, 1].into(),
    };
    tally.count(&What::UserOnline { user: user() });
    tally.count(&What::SessionOpened { user: user(), session: SESSION });
    tally.count(&What::SessionResumed { user: user(), session: SESSION });
    tally.count(&refused(ProblemCode::TicketSpent));
    tally.count(&refused(ProblemCode::Draining));
    tally.count(&refused(ProblemCode::TicketSpent));
    let stats = tally.admission_stats();
    assert_eq!(stats.ok, 2);
    let refused: Vec<_> = stats.refused.into_iter().collect();
    assert_eq!(refused, [("draining".to_owned(), 1), ("ticket-spent".to_owned(), 2)]);
}

#[test]
fn codes_of_a_peers_own_are_counted_as_one() {
    let codes = Codes::default();
    for code in [1000, 4409, 1000, 3000, 4999, 0, 65_535] {
        codes.count(code);
    }
    let counted: Vec<_> = codes.counted().collect();
    let expected = [("4409", 1), ("1000", 2), ("other", 4)].map(|(code, n)| (code.to_owned(), n));
    assert_eq!(counted, expected);
}

#[test]
fn shards_are_added_up() {
    let tally = Tally::new(2);
    for (index, times) in [(0, &[0, 1, 2, 11_000][..]), (1, &[1])] {
        let shard = tally.shard(index);
        let held = Held { sessions: 3, outbox_bytes: 10, ..Held::default() };
        shard.publish(&held);
        shard.noticed(times.len() + 1);
        times.iter().for_each(|ms| shard.delivered_after(*ms));
    }
    let sum = tally.deliveries();
    assert_eq!((sum.live_sessions, sum.outbox_bytes, sum.notices), (6, 20, 7));
    assert_eq!((sum.times[0], sum.times[1], sum.times[TIMES_MS.len()]), (3, 1, 1));
    assert_eq!((sum.times.iter().sum::<u64>(), sum.times_sum_ms), (5, 11_004));
}
