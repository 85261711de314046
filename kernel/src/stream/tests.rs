//! Numbers, bounds, gaps and pages.

use super::*;
use crate::fixture::{at, data, message, position};

const BOUNDS: Bounds = Bounds { messages: 3, bytes: 100, age: Duration::from_secs(10) };

/// What each word does: a number appends a message of so many bytes of text, `+3s` lets time pass,
/// `ttl` makes the next one expire a second later.
fn stream(script: &str) -> (Stream, Timestamp) {
    let (mut stream, mut now, mut ttl) = (Stream::new(1), Timestamp(0), None);
    for word in script.split_whitespace() {
        if let Some(seconds) = word.strip_prefix('+') {
            let seconds = seconds.trim_end_matches('s').parse().unwrap();
            now = now.after(Duration::from_secs(seconds));
            stream.expire(&BOUNDS, now);
        } else if word == "ttl" {
            ttl = Some(now.after(Duration::from_secs(1)));
        } else {
            let next = stream.next();
            let data = data(&"x".repeat(word.parse().unwrap()));
            let (position, expires_at) = (Some(next), ttl.take());
            let message = Message { position, data, at: now, expires_at, ..message(next.seq) };
            stream.append(Arc::new(message), &BOUNDS, now);
        }
    }
    (stream, now)
}

fn shown(page: &Page) -> String {
    let gap = page.gap.as_ref().map_or(String::new(), |gap| {
        format!("gap {} to {} {:?}, ", at(gap.after), at(gap.until), gap.reason)
    });
    let seqs: Vec<_> = page.messages.iter().map(|m| m.position.unwrap().seq.to_string()).collect();
    let more = if page.more { ", more" } else { "" };
    format!("{gap}[{}] until {}{more}", seqs.join(" "), at(page.until))
}

/// Reads all after `after`.
fn check(script: &str, after: &str, expected: &str) {
    let (stream, now) = stream(script);
    assert_eq!(shown(&stream.read(position(after), 100, 10_000, now)), expected);
}

/// Reads at most so many messages and bytes.
fn check_page(script: &str, after: &str, messages: usize, bytes: usize, expected: &str) {
    let (stream, now) = stream(script);
    assert_eq!(shown(&stream.read(position(after), messages, bytes, now)), expected);
}

#[test]
fn numbers_start_at_one_and_are_never_used_twice() {
    let (empty, _) = stream("");
    assert_eq!((at(empty.head()), at(empty.next())), ("@0".to_owned(), "@1".to_owned()));
    let (over, _) = stream("1 1 +20s");
    assert!(over.is_empty());
    assert_eq!((at(over.head()), at(over.next())), ("@2".to_owned(), "@3".to_owned()));
}

#[test]
#[should_panic(expected = "numbered in order")]
fn a_message_with_another_number_is_a_bug() {
    let (mut stream, now) = stream("1");
    stream.append(Arc::new(message(1)), &BOUNDS, now);
}

#[test]
fn a_reader_gets_what_came_after_its_position() {
    check("", "0", "[] until @0");
    check("1 1 1", "0", "[1 2 3] until @3");
    check("1 1 1", "2", "[3] until @3");
    check("1 1 1", "3", "[] until @3");
}

#[test]
fn what_is_beyond_the_count_is_an_overflow() {
    check("1 1 1 1 1", "0", "gap @0 to @2 Overflow, [3 4 5] until @5");
    check("1 1 1 1 1", "1", "gap @1 to @2 Overflow, [3 4 5] until @5");
    check("1 1 1 1 1", "2", "[3 4 5] until @5");
}

#[test]
fn what_is_beyond_the_bytes_is_an_overflow() {
    // Two quotes belong to each.
    check("48 48", "0", "[1 2] until @2");
    check("48 49", "0", "gap @0 to @1 Overflow, [2] until @2");
    check("48 99", "0", "gap @0 to @2 Overflow, [] until @2");
    check("48 99 1", "2", "[3] until @3");
}

#[test]
fn what_is_too_old_has_expired() {
    check("1 +9s 1", "0", "[1 2] until @2");
    check("1 +9s 1 +1s", "0", "gap @0 to @1 Expired, [2] until @2");
    check("1 +9s 1 +1s", "1", "[2] until @2");
    check("1 +10s", "0", "gap @0 to @1 Expired, [] until @1");
    check("1 +10s", "1", "[] until @1");
}

#[test]
fn a_message_drops_those_that_are_too_old_before_those_that_are_too_many() {
    check("1 1 +9s 1 +5s 1", "0", "gap @0 to @2 Expired, [3 4] until @4");
}

#[test]
fn a_position_that_never_was_gets_a_gap_and_all_there_is_j10() {
    check("1 1", "3", "gap @3 to @0 Epoch, [1 2] until @2");
    check("1 1", "2.1", "gap @2.1 to @0 Epoch, [1 2] until @2");
    check("1 1", "0.1", "gap @0.1 to @0 Epoch, [1 2] until @2");
    check("1 1 1 1", "9", "gap @9 to @1 Epoch, [2 3 4] until @4");
    check("", "1", "gap @1 to @0 Epoch, [] until @0");
    check("1", "18446744073709551615", "gap @18446744073709551615 to @0 Epoch, [1] until @1");
}

#[test]
fn a_page_says_where_it_ends_and_whether_there_is_more() {
    check_page("1 1 1", "0", 2, 1000, "[1 2] until @2, more");
    check_page("1 1 1", "2", 2, 1000, "[3] until @3");
    check_page("1 1 1", "0", 3, 1000, "[1 2 3] until @3");
    check_page("1 1 1 1", "0", 1, 1000, "gap @0 to @1 Overflow, [2] until @2, more");
}

#[test]
fn a_page_has_one_message_at_least_however_little_is_asked_for() {
    check_page("30 1 1", "0", 100, 20, "[1] until @1, more");
    check_page("10 1 1", "0", 100, 13, "[1 2] until @2, more");
    check_page("1 1 1", "0", 0, 0, "[1] until @1, more");
}

#[test]
fn a_message_whose_time_is_over_is_passed_by_without_a_gap() {
    check("ttl 1 1", "0", "[1 2] until @2");
    check("ttl 1 1 +1s", "0", "[2] until @2");
    check("1 ttl 1 +1s", "0", "[1] until @2");
    check("1 ttl 1 +1s", "1", "[] until @2");
    check_page("ttl 1 1 1 +1s", "0", 1, 1000, "[2] until @2, more");
}
