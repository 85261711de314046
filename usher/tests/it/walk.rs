//! Walk: what README.md says to do works, as it is typed there.

use serde_json::{Value, json};

use crate::{
    node::{FREE, Node},
    page::{Kind, Step, call, steps},
    program::{Program, shell},
    session::Session,
};

const README: &str = include_str!("../../../README.md");

/// How often a message to all of alice's sessions is sent: order shows only in several.
const TIMES: usize = 3;

fn lines(kind: Kind) -> Vec<Step> {
    let found: Vec<Step> = steps(README).into_iter().filter(|step| step.kind() == kind).collect();
    assert!(!found.is_empty(), "README.md has no line of the kind {kind:?}");
    found
}

fn start() -> Node {
    let starts = lines(Kind::Start);
    Node::start(&mut shell(&starts[0].typed(FREE)))
}

/// The ids of the messages among some frames; nothing else is among them.
fn ids(frames: &[Value]) -> Vec<Value> {
    assert!(frames.iter().all(|frame| frame["type"] == "message"), "{frames:?}");
    frames.iter().map(|frame| frame["id"].clone()).collect()
}

#[test]
fn sessions_of_another_library_get_each_message_once_and_in_order() {
    let node = start();
    let curls = lines(Kind::Curl);
    let (tickets, sends): (Vec<&Step>, Vec<&Step>) =
        curls.iter().partition(|step| step.typed(&node.address).contains("/v1/tickets"));
    let ticket = || call(&node, tickets[0])["ticket"].as_str().expect("a text").to_owned();
    let mut first = Session::open(&node, &ticket());
    let mut second = Session::open(&node, &ticket());
    let mut bob = Session::open(&node, &node.ticket("bob"));

    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    let mut early = Vec::new();
    for step in sends {
        let line = step.typed(&node.address);
        if line.contains("/users/carol/") {
            let answer = call(&node, step);
            assert_eq!(answer["matched"], 0);
        } else if line.contains(r#""to":"active""#) {
            first.send(&json!({"type": "active"}));
            first.send(&json!({"type": "ping"}));
            early.extend(first.frames_until(|frame| frame["type"] == "pong"));
            of_first.push(call(&node, step)["id"].clone());
        } else {
            assert!(line.contains("/users/alice/"), "{line}");
            for _ in 0..TIMES {
                let answer = call(&node, step);
                of_first.push(answer["id"].clone());
                of_second.push(answer["id"].clone());
            }
        }
    }

    // What comes before the last message was for the session; after it comes nothing.
    for (user, session, mut frames, expected) in [
        ("alice", &mut first, early, of_first),
        ("alice", &mut second, Vec::new(), of_second),
        ("bob", &mut bob, Vec::new(), Vec::new()),
    ] {
        let last = node.ask(&["send", user, "last"]);
        assert_eq!(last.code, Some(0), "{}", last.err);
        frames.extend(session.frames_until(|frame| frame["data"] == "last"));
        assert_eq!(ids(&frames), expected);
        session.send(&json!({"type": "leave"}));
        let closed = loop {
            let frame = session.frame();
            // The other session's last message is for both.
            if frame["data"] != "last" {
                break frame;
            }
        };
        assert_eq!(closed, json!({"type": "closed", "code": 1000, "reason": ""}));
    }
}

#[test]
fn terminals_show_what_the_readme_says() {
    let node = start();
    let connect = lines(Kind::Connect).remove(0);
    let mut terminals = [(); 2].map(|()| {
        let mut terminal = Program::start(&mut shell(&connect.typed(&node.address)));
        assert_eq!(terminal.frame()["type"], "welcome");
        terminal
    });
    for step in lines(Kind::Curl) {
        let line = step.typed(&node.address);
        let (to_alice, to_active) =
            (line.contains("/users/alice/"), line.contains(r#""to":"active""#));
        if to_active {
            // As the README says: type something into one, and the other shows it.
            terminals[0].say("typed\n");
            assert_eq!(terminals[0].frame()["type"], "reply");
            assert_eq!(terminals[1].frame()["data"], "typed");
        }
        let answer = call(&node, &step);
        let showing = match (to_alice, to_active) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => 2,
        };
        for terminal in &mut terminals[..showing] {
            assert_eq!(terminal.frame()["id"], answer["id"]);
        }
    }
}

#[test]
fn a_terminal_that_loses_its_socket_shows_what_the_readme_says() {
    let mut node = start();
    let connects = lines(Kind::Connect);
    let losing = connects.iter().find(|step| step.typed("").contains("--lose-socket"));
    let line = losing.expect("README.md has such a line").typed(&node.address);
    let mut terminal = Program::start(&mut shell(&line));
    let welcome = terminal.frame();
    node.program.line_with(" lost its socket ");
    let sends = lines(Kind::Curl);
    let send = sends.iter().find(|step| step.typed("").contains("/users/alice/messages"));
    let out = node.type_line(&send.expect("README.md sends to alice").typed(&node.address));
    let answer: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!((&answer["live"], &answer["parked"]), (&json!(0), &json!(1)));
    let again = terminal.frame();
    assert_eq!((&again["type"], &again["resumed"]), (&json!("welcome"), &json!(true)));
    assert_eq!(again["session"], welcome["session"]);
    let missed = terminal.frame();
    assert_eq!((&missed["id"], &missed["replayed"]), (&answer["id"], &json!(true)));
    assert_eq!(terminal.frame()["type"], "caught_up");
}
