//! The text form of positions, and their order.

use super::{Malformed, Mark, Position};

#[test]
fn the_text_of_a_position_parses_back_to_it() {
    for (epoch, seq) in [(0, 0), (1, 10), (1_790_000_000_000_000, 255), (u64::MAX, u64::MAX)] {
        let position = Position { epoch, seq };
        assert_eq!(position.to_string().parse(), Ok(position));
    }
}

#[test]
fn j7_other_texts_are_malformed() {
    for text in [
        "",
        ".",
        "1",
        "1.",
        ".1",
        "-1.1",
        "1.-1",
        "1.+1",
        "1.01",
        "1.1.1",
        "1.1 ",
        "A.1",
        "1.1E999",
        "1.10000000000000000",
        &"1".repeat(300),
    ] {
        assert_eq!(text.parse::<Position>(), Err(Malformed), "{text}");
    }
}

#[test]
fn a_later_epoch_is_a_later_position() {
    assert!(Position { epoch: 1, seq: 900 } < Position { epoch: 2, seq: 0 });
    assert!(Position { epoch: 1, seq: 1 } < Position { epoch: 1, seq: 2 });
}

#[test]
fn a_mark_is_any_text_that_fits_a_subprotocol_and_comes_back_as_it_is() {
    for text in ["65bf3ff08d400.11", "0", "~a-Z_9.", &"x".repeat(256)] {
        assert_eq!(Mark::parse(text).map(|mark| mark.to_string()).as_deref(), Ok(text));
    }
    for text in ["", "a b", "a,b", "é", "a\r\n", &"x".repeat(257)] {
        assert_eq!(Mark::parse(text), Err(Malformed), "{text:?}");
    }
}
