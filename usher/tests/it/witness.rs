//! Witness: what senders and sessions know of messages, held against each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use sdk::GapReason;

/// The last message that anybody sends.
pub(crate) const LAST: u64 = u64::MAX;

/// What one sender knows of its messages.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    /// Those that were accepted.
    pub(crate) accepted: BTreeSet<u64>,
    /// Those of which it cannot be known.
    pub(crate) unsure: BTreeSet<u64>,
}

/// What one session saw: of each sender, the numbers in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) notes: BTreeMap<String, Vec<u64>>,
    pub(crate) gaps: Vec<GapReason>,
}

impl Seen {
    /// Whether gaps excuse what is missing. A new session in the place of a lost one is none for
    /// messages to all of a user's sessions: it goes on where the one before was.
    fn is_excused(&self) -> bool {
        self.gaps.iter().any(|reason| *reason != GapReason::NewSession)
    }

    /// All that is wrong with what was seen of one sender.
    pub(crate) fn faults(&self, by: &str, sender: &Sender) -> String {
        let mut faults = String::new();
        let seen = self.notes.get(by).map_or(&[][..], Vec::as_slice);
        for pair in seen.windows(2) {
            if pair[0] >= pair[1] {
                writeln!(faults, "{by}: {} came after {}", pair[1], pair[0]).expect("it is text");
            }
        }
        let came: BTreeSet<u64> = seen.iter().copied().collect();
        let lost: Vec<_> = sender.accepted.difference(&came).collect();
        if !lost.is_empty() && !self.is_excused() {
            writeln!(faults, "{by}: lost {lost:?}").expect("it is text");
        }
        let strange = came
            .iter()
            .filter(|n| **n != LAST && !sender.accepted.contains(n) && !sender.unsure.contains(n));
        let strange: Vec<_> = strange.collect();
        if !strange.is_empty() {
            writeln!(faults, "{by}: {strange:?} came and was not sent").expect("it is text");
        }
        faults
    }
}

#[test]
fn a_witness_sees_what_is_wrong() {
    let check = |seen: &[u64], gaps: &[GapReason], expected: &str| {
        let sender = Sender { accepted: BTreeSet::from([1, 2, 3]), unsure: BTreeSet::from([4]) };
        let notes = BTreeMap::from([("bob".to_owned(), seen.to_vec())]);
        let seen = Seen { notes, gaps: gaps.to_vec() };
        assert_eq!(seen.faults("bob", &sender), expected);
    };
    check(&[1, 2, 3], &[], "");
    check(&[1, 2, 3, 4, LAST], &[], "");
    check(&[1, 3], &[], "bob: lost [2]\n");
    check(&[], &[], "bob: lost [1, 2, 3]\n");
    check(&[1, 3], &[GapReason::Overflow], "");
    check(&[1, 3], &[GapReason::NewSession], "bob: lost [2]\n");
    check(&[1, 2, 2, 3], &[], "bob: 2 came after 2\n");
    check(&[1, 3, 2], &[GapReason::Epoch], "bob: 2 came after 3\n");
    check(&[1, 2, 3, 7], &[], "bob: [7] came and was not sent\n");
}
