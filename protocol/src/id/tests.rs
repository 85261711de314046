//! The text form of ids.

use super::{Malformed, SessionId, Ticket};
use crate::partition::Partition;

#[test]
fn the_text_of_an_id_parses_back_to_it() {
    for bits in [0, 1, 61, 62, u128::from(u64::MAX), u128::MAX] {
        for partition in [0, 9, 0xa4, 255].map(Partition) {
            let id = SessionId::new(partition, bits);
            assert_eq!(SessionId::parse(&id.to_string()), Ok(id));
            assert_eq!(id.to_string().len(), 26);
            assert_eq!(id.partition(), partition);
        }
    }
    assert_eq!(SessionId::new(Partition(0xa4), 62).to_string(), "s_a40000000000000000000010");
}

#[test]
fn other_texts_are_malformed() {
    for text in [
        "",
        "s_",
        "t_a40000000000000000000010",
        "s_A40000000000000000000010",
        "s_a4000000000000000000001",
        "s_a400000000000000000000100",
        "s_a4000000000000000000001-",
        "s_a4zzzzzzzzzzzzzzzzzzzzzz",
        "s_a4000000000000000000001é",
    ] {
        assert_eq!(SessionId::parse(text), Err(Malformed), "{text}");
    }
}

#[test]
fn a_ticket_does_not_show_in_debug_output() {
    let ticket = Ticket::new(Partition(3), 12_345_678_901_234_567_890);
    assert_eq!(format!("{ticket:?}"), "t_…");
}
