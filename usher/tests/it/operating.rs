//! Operating: nodes are listed and sent away, users are kept out.

use serde_json::{Value, json};

use crate::{
    node::Node,
    program::{run, usher},
    served::{Served, serve},
    session::Session,
};

#[test]
fn nodes_are_listed() {
    let node = Node::dev();
    let listed = node.ask(&["nodes"]);
    assert_eq!((listed.code, &*listed.err), (Some(0), ""));
    let lines: Vec<Vec<&str>> =
        listed.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = ["NODE", "STATE", "SESSIONS", "VERSION", "STARTED", "URL"];
    assert_eq!(lines[0], head);
    assert_eq!(lines[1][..4], ["dev", "ready", "0", env!("CARGO_PKG_VERSION")]);
    assert!(lines[1][4].ends_with('Z') && lines[1][5] == "-" && lines.len() == 2, "{lines:?}");
    let listed = node.ask(&["nodes", "-o", "json"]).out;
    let listed: Value = serde_json::from_str(&listed).expect("it is JSON");
    assert_eq!(
        (&listed["items"][0]["node"], &listed["items"][0]["state"]),
        (&json!("dev"), &json!("ready"))
    );
}

#[test]
fn a_node_that_is_drained_sends_its_sessions_away_and_exits() {
    let mut command = serve(1024, "--node n1");
    command.env("USHER_DRAIN__WINDOW", "5s").env("USHER_DRAIN__DELAY", "0s");
    let mut node = Served::start(&mut command);
    let mut alice = node.join("alice");
    for name in ["n2", "N1"] {
        let unknown = node.ask(&["drain", name]);
        assert_eq!((unknown.code, &*unknown.out), (Some(3), ""), "{unknown:?}");
        assert!(unknown.err.contains("node-unknown"), "{unknown:?}");
    }
    let drained = node.ask(&["drain"]);
    assert_eq!(drained.out, "n1 goes away: sends 1 session elsewhere, then exits\n");
    node.program.line_with("told to go away by=a call of the API");
    // A supervisor sends its signal next; nobody is cut off by it.
    node.program.terminate();
    let closing = alice.frame();
    assert_eq!((&closing["type"], &closing["code"]), (&json!("closing"), &json!(4000)));
    let again = node.ask(&["drain", "n1", "-o", "json"]).out;
    let again: Value = serde_json::from_str(&again).expect("it is JSON");
    assert_eq!((&again["state"], &again["sessions"]), (&json!("draining"), &json!(1)));
    let closed = json!({"type": "closed", "code": 4000, "reason": "drain"});
    assert_eq!(alice.frame(), closed);
    node.program.line_with("stopped");
    assert_eq!(node.program.end().code, Some(0));
}

#[test]
fn users_are_kept_out_and_let_in_again() {
    let node = Node::dev();
    let nobody = node.ask(&["block", "--list"]);
    assert_eq!((nobody.code, &*nobody.out), (Some(0), ""));
    assert!(nobody.err.starts_with("nobody is kept out"), "{}", nobody.err);

    let mut alice = Session::open(&node, &node.ticket("alice"));
    let blocked = node.ask(&["block", "alice"]);
    assert_eq!(blocked.out, "alice is kept out; ended 1 session\n");
    let closed = alice.frames_until(|frame| frame["type"] == "closed");
    assert_eq!(closed.last().map(|frame| &frame["code"]), Some(&json!(4403)), "{closed:?}");
    let refused = node.ask(&["ticket", "alice"]);
    assert_eq!((refused.code, &*refused.out), (Some(1), ""), "{refused:?}");
    assert!(refused.err.contains("blocked"), "{refused:?}");
    let blocked = node.ask(&["block", "bob", "--ttl", "3600", "-o", "json"]).out;
    assert_eq!(blocked, "{\"blocked\":true,\"closed\":0}\n");

    let listed = node.ask(&["block", "--list"]).out;
    let lines: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((&lines[0][..], lines.len()), (&["USER", "UNTIL"][..], 3), "{listed}");
    let until = |user: &str| lines.iter().find(|line| line[0] == user).expect("it is listed")[1];
    assert_eq!(until("alice"), "-");
    assert!(until("bob").ends_with('Z'), "{listed}");
    let listed = node.ask(&["block", "--list", "-o", "json"]).out;
    let listed: Value = serde_json::from_str(&listed).expect("it is JSON");
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));

    let lifted = node.ask(&["block", "alice", "--lift"]);
    assert_eq!((lifted.code, &*lifted.out), (Some(0), "alice may come again\n"));
    assert_eq!(node.ask(&["ticket", "alice"]).code, Some(0));
}

#[test]
fn what_is_asked_of_block_must_make_sense() {
    for typed in [
        &["block"][..],
        &["block", "--lift"],
        &["block", "alice", "--list"],
        &["block", "alice", "--lift", "--ttl", "5"],
        &["block", "alice", "--ttl", "0"],
        &["block", ".."],
        &["drain", "n1", "n2"],
    ] {
        let ended = run(&mut usher(typed), "");
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{typed:?}");
        assert!(!ended.err.is_empty());
    }
}

#[test]
fn dev_is_drained_like_any_other() {
    let node = Node::dev();
    let drained = node.ask(&["drain"]);
    assert_eq!(drained.out, "dev goes away: sends 0 sessions elsewhere, then exits\n");
    assert_eq!(node.program.end().code, Some(0));
}
