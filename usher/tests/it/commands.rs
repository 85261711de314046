//! Commands: what they print when all is well.

use std::net::TcpListener;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::{
    node::{FREE, Node},
    program::{Program, USHER, run, usher},
    session::Session,
};

/// Commands with pages of help of their own, by the lists in those above them.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while at < found.len() {
        let listed = listed(&help(&found[at])).into_iter();
        let below: Vec<Vec<String>> =
            listed.map(|name| found[at].iter().cloned().chain([name]).collect()).collect();
        found.extend(below);
        at += 1;
    }
    found
}

fn listed(help: &str) -> Vec<String> {
    let list = help.split("Commands:\n").nth(1).unwrap_or_default();
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
    names.filter(|name| name != "help").collect()
}

fn help(command: &[String]) -> String {
    let ended = run(usher(&[]).args(command).arg("--help"), "");
    assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.err);
    ended.out
}

#[test]
fn every_command_has_help_with_examples() {
    let mut all = String::new();
    for command in commands() {
        let help = help(&command);
        if let [_] = &command[..] {
            let (_, examples) = help.split_once("Examples:\n").unwrap_or_default();
            let examples = examples.lines().take_while(|line| line.starts_with("  "));
            assert!(examples.count() >= 2, "usher {} has no examples", command.join(" "));
        }
        let typed = command.iter().fold("usher".to_owned(), |line, word| line + " " + word);
        all += &format!("$ {typed} --help\n{help}\n");
    }
    expect_file!["help.txt"].assert_eq(&all);
}

#[test]
fn dev_takes_the_next_free_port() {
    // If it cannot be had, it is taken already.
    let taken = TcpListener::bind("127.0.0.1:7328");
    let node = Node::start(&mut usher(&["dev"]));
    drop(taken);
    let (_, port) = node.address.split_once(':').expect("an address has a port");
    assert_ne!(port, "7328");
    for line in node.banner.lines().filter(|line| line.contains("127.0.0.1:")) {
        assert!(line.contains(&format!("127.0.0.1:{port}")), "{line}");
    }
    let typed = format!("{USHER} connect alice --server http://127.0.0.1:{port}\n");
    assert!(node.banner.contains(&typed), "{}", node.banner);
    node.program.terminate();
    let ended = node.program.end();
    assert_eq!(ended.err, format!("port 7328 is taken; using {port}\n"));
    assert_eq!(ended.code, Some(0));
}

#[test]
fn what_is_piped_has_no_colour() {
    let node = Node::dev();
    let mut session = Session::open(&node, &node.ticket("alice"));
    for command in [&["send", "alice", "hi"][..], &["sessions"], &["health"], &["kick", "alice"]] {
        let ended = node.ask(command);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(!ended.out.is_empty() && !ended.out.contains('\u{1b}'), "{}", ended.out);
    }
    session.frames_until(|frame| frame["type"] == "closed");
    node.program.terminate();
    let ended = node.program.end();
    for told in [" + alice ", " > alice ", " - alice "] {
        assert!(ended.out.contains(told), "{}", ended.out);
    }
    assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'), "{}", ended.out);
}

#[test]
fn a_line_piped_to_connect_reaches_ones_other_sessions() {
    let node = Node::dev();
    let mut other = Session::open(&node, &node.ticket("alice"));
    let server = format!("http://{}", node.address);
    let mut sender = Program::start(&mut usher(&["connect", "alice", "--server", &server]));
    sender.say("hi\n{\"n\":1}\n{\"type\":\"leave\"}\n");
    for data in [json!("hi"), json!({"n": 1})] {
        let frame = other.frame();
        assert_eq!((&frame["type"], &frame["from"]), (&json!("message"), &json!("alice")));
        assert_eq!(frame["data"], data);
    }
    let ended = sender.end();
    let types: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a frame is JSON")["type"].clone())
        .collect();
    assert_eq!(types, ["welcome", "reply", "reply"]);
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
}

#[test]
fn data_is_json_or_else_a_text_and_may_come_by_pipe() {
    let node = Node::dev();
    let mut session = Session::open(&node, &node.ticket("alice"));
    let mut check = |data: &str, input: &str, expected: Value| {
        let ended = node.ask_with(&["send", "alice", data], input);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.trim().ends_with(" to 1 session"), "{}", ended.out);
        assert_eq!(session.frame()["data"], expected);
    };
    check("hi", "", json!("hi"));
    check("12", "", json!(12));
    check(r#"{"n":1}"#, "", json!({"n": 1}));
    check("-", "[1,2]\n", json!([1, 2]));
    check("-", "two\nlines\n", json!("two\nlines"));
}

#[test]
fn a_ticket_alone_is_printed_or_a_url_that_any_tool_can_open() {
    let node = Node::dev();
    let ended = node.ask(&["ticket", "alice", "--url", "--device", "phone"]);
    let (mut session, welcome) = Session::at(ended.out.trim(), &[]);
    assert_eq!(welcome["user"], "alice");
    let ended = node.ask(&["sessions", "alice", "-o", "json"]);
    let list: Value = serde_json::from_str(&ended.out).expect("it is JSON");
    let shown = &list["items"][0];
    assert_eq!((&shown["id"], &shown["device"]), (&welcome["session"], &json!("phone")));
    let ended = node.ask(&["send", "alice", "hi", "--to", "device:phone", "-o", "json"]);
    let sent: Value = serde_json::from_str(&ended.out).expect("it is JSON");
    assert_eq!(session.frame()["id"], sent["id"]);
}

#[test]
fn an_absent_user_is_no_failure() {
    let node = Node::dev();
    let ended = node.ask(&["send", "carol", "hi"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.trim().ends_with("carol has no such session now"), "{}", ended.out);
}

#[test]
fn dev_tells_events_as_json() {
    let mut dev = Program::start(&mut usher(&["dev", "--listen", FREE, "--json"]));
    let first: Value = serde_json::from_str(&dev.line()).expect("it is JSON");
    let base = first["links"].as_str().expect("it is a text").to_owned();
    run(usher(&["send", "carol", "hi"]).env("USHER_URL", base), "");
    let event: Value = serde_json::from_str(&dev.line()).expect("it is JSON");
    assert_eq!((&event["type"], &event["user"]), (&json!("message.accepted"), &json!("carol")));
    assert!(event.get("data").is_none(), "{event}");
}
