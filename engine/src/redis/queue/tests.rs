//! Tests of what waits for the carrier.

use super::*;

const ONE: Partition = Partition(1);
const OTHER: Partition = Partition(2);

fn text(partition: Partition, count: u64) -> Sent {
    Sent::Text(partition, format!("{count} m").into_bytes())
}

/// A queue without room for one text more, all of them of one partition, and the last number.
fn full() -> (Waiting, u64) {
    let mut waiting = Waiting::default();
    let last = WAITING_MAX as u64;
    (1..=last).for_each(|count| waiting.put(text(ONE, count)));
    (waiting, last)
}

/// Takes all.
fn rest(waiting: &mut Waiting) -> Vec<Sent> {
    std::iter::from_fn(|| waiting.take()).collect()
}

#[test]
fn what_comes_is_taken_in_its_order() {
    let mut waiting = Waiting::default();
    let all =
        || [text(ONE, 1), Sent::Due(ONE, 1), Sent::Anew(ONE, 1), text(ONE, 2), text(OTHER, 1)];
    all().into_iter().for_each(|sent| waiting.put(sent));
    assert_eq!(rest(&mut waiting), all());
    assert_eq!(waiting.bytes, 0);
}

#[test]
fn one_repair_of_a_partition_waits_and_covers_what_is_due_when_it_begins() {
    let mut waiting = Waiting::default();
    for due in [7, 9, 3] {
        waiting.put(Sent::Anew(ONE, due));
        waiting.put(Sent::Anew(OTHER, due + 1));
    }
    assert_eq!(rest(&mut waiting), [Sent::Anew(ONE, 3), Sent::Anew(OTHER, 4)]);
    waiting.put(Sent::Anew(ONE, 4));
    assert_eq!(waiting.take(), Some(Sent::Anew(ONE, 4)), "that was another one");
}

#[test]
fn what_finds_no_room_is_left_to_one_repair_with_all_that_follows() {
    let (mut waiting, last) = full();
    waiting.put(text(ONE, last + 1));
    waiting.put(text(OTHER, 5));
    waiting.put(Sent::Due(OTHER, 5));
    for count in 1..=3 {
        assert_eq!(waiting.take(), Some(text(ONE, count)));
    }
    // There is room again, but what came before waits still.
    waiting.put(text(ONE, last + 2));
    waiting.put(Sent::Due(ONE, last + 2));
    let mut left = rest(&mut waiting);
    let tail = left.split_off(WAITING_MAX - 3);
    let repairs = [Sent::Anew(ONE, last + 2), Sent::Anew(OTHER, 5)];
    assert_eq!(tail, Vec::from_iter(repairs.into_iter().chain([Sent::Due(ONE, last + 2)])));
    waiting.put(text(ONE, last + 3));
    assert_eq!(rest(&mut waiting), [text(ONE, last + 3)], "it is as it was");
}

#[test]
fn what_is_not_counted_is_left_out_and_not_made_up_for() {
    let (mut waiting, last) = full();
    waiting.put(Sent::Text(OTHER, wire::proof(1).into_bytes()));
    assert_eq!(rest(&mut waiting).len(), WAITING_MAX);
    waiting.put(text(OTHER, last));
    assert_eq!(waiting.take(), Some(text(OTHER, last)));
}

#[test]
fn large_texts_find_no_room_long_before_there_are_so_many() {
    let mut waiting = Waiting::default();
    let large = |count: u64| {
        Sent::Text(ONE, [format!("{count} m").into_bytes(), vec![b'x'; BYTES_MAX / 100]].concat())
    };
    (1..=200).for_each(|count| waiting.put(large(count)));
    assert!(waiting.bytes <= BYTES_MAX);
    let mut left = rest(&mut waiting);
    assert_eq!(left.pop(), Some(Sent::Anew(ONE, 200)));
    assert_eq!(left, Vec::from_iter((1..=left.len() as u64).map(large)));
    assert_eq!(waiting.bytes, 0);
}
