//! Refusals: what commands say when something is wrong, and the exit code that tells a script.

use std::net::TcpListener;

use crate::{
    node::Node,
    program::{Ended, run, usher},
};

/// The exit code is right, nothing is on standard output, and one line says why.
fn check(ended: &Ended, code: i32, why: &str) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.out, "");
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("usher: ") && ended.err.contains(why), "{}", ended.err);
}

#[test]
fn c2_a_mistyped_command_or_flag_is_told_the_nearest() {
    for (typed, meant) in [
        (&["tikcet", "alice"][..], "'ticket'"),
        (&["ticket", "alice", "--devise", "phone"], "'--device'"),
        (&["send", "alice", "hi", "--volatil"], "'--volatile'"),
    ] {
        let ended = run(&mut usher(typed), "");
        assert_eq!((ended.code, &*ended.out), (Some(2), ""));
        assert!(ended.err.contains(meant) && ended.err.contains("Usage: usher"), "{}", ended.err);
    }
}

#[test]
fn c2_a_missing_or_wrong_argument_is_a_matter_of_usage() {
    for typed in [
        &[][..],
        &["send", "alice"],
        &["ticket", "alice", "--ttl", "601"],
        &["ticket", ".."],
        &["ticket", "alice", "--url", "-o", "json"],
        &["send", "alice", "hi", "--to", "somebody"],
        &["kick"],
        &["kick", "--session", "s_short"],
        &["dev", "--listen", "7328"],
    ] {
        let ended = run(&mut usher(typed), "");
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{typed:?}");
        assert!(!ended.err.is_empty());
    }
}

#[test]
fn whoever_names_nobody_is_told_each_way_to_name_somebody() {
    for (typed, ways) in [("kick", "<USER|--session <SESSION>>"), ("block", "<USER|--list>")] {
        let ended = run(&mut usher(&[typed]), "");
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{typed}");
        assert!(ended.err.contains(ways), "{}", ended.err);
    }
}

#[test]
fn what_the_server_finds_wrong_in_a_request_is_a_matter_of_usage() {
    let node = Node::dev();
    check(&node.ask(&["events", "--type", "foo"]), 2, "type must be one of session.opened, ");
}

#[test]
fn a_port_without_tls_is_told_from_one_without_a_server() {
    let node = Node::dev();
    let url = format!("https://{}", node.address);
    check(&run(usher(&["nodes"]).env("USHER_URL", &url), ""), 5, "speaks no TLS");
}

#[test]
fn without_a_server_it_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("http://{}", free.expect("there is a free port"));
    for command in [&["send", "alice", "hi"][..], &["ticket", "alice"], &["health"]] {
        check(&run(usher(command).env("USHER_URL", &url), ""), 5, &url);
    }
}

#[test]
fn a_url_that_is_none_is_a_matter_of_usage() {
    let ended = run(usher(&["health"]).env("USHER_URL", "127.0.0.1:7328"), "");
    check(&ended, 2, "127.0.0.1:7328");
}

#[test]
fn a_wrong_key_is_refused_and_not_shown() {
    let node = Node::dev();
    let key = "a-key-that-is-not-the-right-one";
    for command in [&["send", "alice", "hi"][..], &["sessions"], &["connect", "alice"]] {
        let ended = node.ask(&[command, &["--key", key]].concat());
        check(&ended, 4, "USHER_KEY");
        assert!(!ended.err.contains(key), "{}", ended.err);
    }
}

#[test]
fn a_session_that_is_not_there_is_not_found() {
    let node = Node::dev();
    check(&node.ask(&["kick", "--session", "s_b01jYx4CkS0Vq9fYw8ZrGt2a"]), 3, "session");
}

#[test]
fn a_key_that_everybody_knows_stays_on_this_machine() {
    check(&run(&mut usher(&["dev", "--listen", "0.0.0.0:1"]), ""), 2, "usher serve");
}

#[test]
fn c3_a_port_that_was_asked_for_and_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it has an address").to_string();
    check(&run(&mut usher(&["dev", "--listen", &address]), ""), 1, &address);
}
