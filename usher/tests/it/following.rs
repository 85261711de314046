//! Following: `usher events`, and what it does when its server goes and comes back.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::{
    node::{FREE, Node},
    program::{Program, run, usher},
    session::Session,
};

fn follow(address: &str, arguments: &[&str]) -> Program {
    let command = [&["events"], arguments].concat();
    Program::start(usher(&command).env("USHER_URL", format!("http://{address}")))
}

/// Sends to somebody who is not there until the follower has printed a line: it takes a moment until
/// it watches.
fn first_line(node: &Node, follower: &mut Program) -> String {
    loop {
        let ended = node.ask(&["send", "nobody", "hi"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        if let Some(line) = follower.line_within_a_moment() {
            return line;
        }
    }
}

#[test]
fn it_prints_the_lines_of_dev() {
    let mut node = Node::dev();
    let mut follower = follow(&node.address, &[]);
    first_line(&node, &mut follower);
    let session = Session::open(&node, &node.ticket("alice"));
    let mut told = Vec::new();
    while told.len() < 2 {
        let line = follower.line();
        if line.contains(" alice ") {
            told.push(line);
        }
    }
    assert!(told[0].ends_with(" * alice    online"), "{told:?}");
    assert!(told[1].contains(" + alice    s_") && told[1].ends_with(" connected"), "{told:?}");
    let mut shown = Vec::new();
    while shown.len() < 2 {
        let line = node.program.line();
        if line.contains(" alice ") {
            shown.push(line);
        }
    }
    assert_eq!(shown, told);
    drop(session);
}

#[test]
fn it_prints_what_is_wanted_as_the_server_says_it_and_ends_when_told_to() {
    let node = Node::dev();
    let arguments = ["--user", "bob", "--type", "message.accepted,user.online", "-o", "json"];
    let mut follower = follow(&node.address, &arguments);
    let line = loop {
        node.ask(&["send", "alice", "hi"]);
        node.ask(&["send", "bob", "hi"]);
        if let Some(line) = follower.line_within_a_moment() {
            break line;
        }
    };
    let event: Value = serde_json::from_str(&line).expect("it is JSON");
    let expected = json!({
        "at": event["at"], "node": "dev", "type": "message.accepted", "message": event["message"],
        "user": "bob", "live": 0, "parked": 0,
    });
    assert_eq!(event, expected);
    follower.terminate();
    let ended = follower.end();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
}

#[test]
fn it_comes_back_to_a_server_that_was_started_again() {
    let node = Node::dev();
    let mut follower = follow(&node.address, &[]);
    first_line(&node, &mut follower);
    let address = node.address.clone();
    node.program.terminate();
    node.program.end();
    while !follower.line().ends_with("node down") {}
    let again = Node::start(&mut usher(&["dev", "--listen", &address]));
    let gap = follower.line();
    assert!(gap.ends_with("events are missing here: the node was started again"), "{gap}");
    assert!(follower.line().contains(" = dev      node up"));
    again.ask(&["send", "carol", "hi"]);
    while !follower.line().contains(" > carol ") {}
    follower.terminate();
    let ended = follower.end();
    let notes: Vec<&str> = ended.err.lines().collect();
    let [lost, back] = notes[..] else { panic!("{}", ended.err) };
    assert_eq!(lost, "the server ended the feed; trying to come back");
    assert!(back.starts_with("back again, after dev."), "{back}");
    assert_eq!(ended.code, Some(0));
}

#[test]
fn it_does_not_wait_for_what_was_never_there_or_is_refused() {
    let free = TcpListener::bind(FREE).and_then(|listener| listener.local_addr());
    let url = format!("http://{}", free.expect("there is a free port"));
    let ended = run(usher(&["events"]).env("USHER_URL", &url), "");
    assert_eq!((ended.code, ended.err.lines().count()), (Some(5), 1), "{}", ended.err);
    let node = Node::dev();
    let ended = node.ask(&["events", "--type", "session.openned"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("did you mean session.opened?"), "{}", ended.err);
    let ended = node.ask(&["events", "--key", "some-other-key-that-is-wrong"]);
    assert_eq!(ended.code, Some(4), "{}", ended.err);
}
