//! Connecting: what `usher connect` does when its socket is lost, its node restarts, or its place
//! is taken.

use std::{
    process::{Child, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::{Value, json};

use crate::{
    node::Node,
    program::{PATIENCE, Program, plain, run, shell, usher},
};

fn connect(node: &Node, arguments: &[&str]) -> Program {
    let url = format!("http://{}", node.address);
    Program::start(usher(&["connect", "alice"]).args(arguments).env("USHER_URL", url))
}

fn typed(program: &mut Program, name: &str) -> Value {
    let frame = program.frame();
    assert_eq!(frame["type"], name, "{frame}");
    frame
}

fn send(node: &Node, data: &str) -> Value {
    let ended = node.ask(&["send", "alice", data, "-o", "json"]);
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{ended:?}: {error}"))
}

#[test]
fn a_socket_lost_on_purpose_is_resumed_and_what_was_missed_is_replayed() {
    let mut node = Node::dev();
    let mut terminal = connect(&node, &["--lose-socket", "4s"]);
    let welcome = typed(&mut terminal, "welcome");
    let first = send(&node, "before");
    assert_eq!(typed(&mut terminal, "message")["id"], first["id"]);
    node.program.line_with(" lost its socket ");
    let missed = [send(&node, "one"), send(&node, "two")];
    assert_eq!((&missed[0]["live"], &missed[0]["parked"]), (&json!(0), &json!(1)));

    let again = typed(&mut terminal, "welcome");
    assert_eq!((&again["resumed"], &again["session"]), (&json!(true), &welcome["session"]));
    for missed in missed {
        let message = typed(&mut terminal, "message");
        assert_eq!((&message["id"], &message["replayed"]), (&missed["id"], &json!(true)));
    }
    typed(&mut terminal, "caught_up");
    send(&node, "after");
    assert_eq!(typed(&mut terminal, "message")["data"], "after");
    terminal.say("{\"type\":\"leave\"}\n");
    let ended = terminal.end();
    assert_eq!((ended.code, &*ended.out), (Some(0), ""));
    let expected = "the socket is lost on purpose; back in 4.0 s\nthe session is back\n";
    assert_eq!(ended.err, expected);
}

#[test]
fn a_node_that_restarts_is_waited_for() {
    let node = Node::dev();
    let mut terminal = connect(&node, &[]);
    typed(&mut terminal, "welcome");
    let address = node.address.clone();
    // It dies without a word.
    drop(node);
    let node = Node::start(&mut usher(&["dev", "--listen", &address]));
    // It knows nothing of the session, nor of what was before.
    assert_eq!(typed(&mut terminal, "welcome")["resumed"], false);
    typed(&mut terminal, "gap");
    typed(&mut terminal, "caught_up");
    send(&node, "hi");
    assert_eq!(typed(&mut terminal, "message")["data"], "hi");
    // What is typed goes over the new socket.
    terminal.say("{\"type\":\"ping\"}\n");
    typed(&mut terminal, "pong");
    terminal.terminate();
    let ended = terminal.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("; trying again in "), "{}", ended.err);
    assert!(ended.err.ends_with("a new session is there\n"), "{}", ended.err);
}

#[test]
fn a_server_on_this_machine_is_tried_again_within_two_seconds() {
    let node = Node::dev();
    let mut terminal = connect(&node, &[]);
    typed(&mut terminal, "welcome");
    drop(node);
    for _ in 0..6 {
        let line = terminal.error_line_with("; trying again in ");
        let (why, wait) = line.split_once("; trying again in ").expect("it has that");
        let seconds: f64 = wait.trim_end().trim_end_matches(" s").parse().expect("a number");
        assert!(seconds <= 2.0 && !why.ends_with('.'), "{line}");
    }
}

#[test]
fn a_node_that_goes_away_is_left_when_it_closes() {
    let mut node = Node::dev();
    let mut terminal = connect(&node, &[]);
    typed(&mut terminal, "welcome");
    node.program.terminate();
    assert_eq!(typed(&mut terminal, "closing")["code"], 4000);
    node.program.line_with("(4000 drain)");
    let address = node.address.clone();
    assert_eq!(node.program.end().code, Some(0));
    // It is back when there is a node again; until then it tries.
    let _node = Node::start(&mut usher(&["dev", "--listen", &address]));
    while terminal.frame()["type"] != "welcome" {}
    terminal.terminate();
    let ended = terminal.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.starts_with("the server closed the socket: 4000 drain: "), "{}", ended.err);
}

#[test]
fn codes_of_the_4400s_end_it() {
    let node = Node::dev();
    let mut first = connect(&node, &["--single"]);
    typed(&mut first, "welcome");
    let mut second = connect(&node, &["--single"]);
    let welcome = typed(&mut second, "welcome");
    let closing = typed(&mut first, "closing");
    assert_eq!(closing["by"]["session"], welcome["session"]);
    let ended = first.end();
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("usher: closed: 4409 replaced: "), "{}", ended.err);

    assert_eq!(node.ask(&["kick", "alice"]).code, Some(0));
    typed(&mut second, "closing");
    let ended = second.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.starts_with("usher: closed: 4410 closed-by-backend: "), "{}", ended.err);
}

/// A process whose standard output nobody reads.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_signal_is_heard_though_nobody_reads_what_is_printed() {
    /// More than any pipe and the buffers of two sockets hold.
    const MESSAGES_MAX: usize = 1000;
    let mut node = Node::dev();
    let url = format!("http://{}", node.address);
    let mut command = usher(&["connect", "alice"]);
    plain(&mut command).env("USHER_URL", url);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut terminal = Unread(command.spawn().expect("it starts"));
    node.program.line_with(" connected");
    let long = "x".repeat(60_000);
    let stuck = (0..MESSAGES_MAX).any(|_| {
        node.ask_with(&["send", "alice", "-"], &long);
        loop {
            let line = node.program.line();
            if line.contains("(4001 slow)") || line.contains(" > alice ") {
                break line.contains("(4001 slow)");
            }
        }
    });
    assert!(stuck, "it read all of them");
    let line = format!("kill -TERM {}", terminal.0.id());
    assert_eq!(run(&mut shell(&line), "").code, Some(0));
    let (ended, end) = mpsc::channel();
    let ending = thread::spawn(move || {
        ended.send(terminal.0.wait().expect("it can be waited for").code()).ok();
        drop(terminal);
    });
    assert_eq!(end.recv_timeout(PATIENCE), Ok(Some(0)));
    ending.join().expect("it waits");
}

#[test]
fn what_is_no_frame_is_data_and_what_is_one_goes_as_it_is() {
    let node = Node::dev();
    let mut terminal = connect(&node, &[]);
    typed(&mut terminal, "welcome");
    // A frame of a type that nobody knows; one that is wrong; one with a ref of its own.
    terminal.say("{\"type\":\"dance\",\"ref\":\"d\"}\n\n{\"type\":\"send\"}\n");
    assert_eq!(typed(&mut terminal, "reply")["error"]["code"], "unknown-type");
    assert_eq!(typed(&mut terminal, "reply")["error"]["code"], "bad-field");
    terminal.say("{\"type\":\"send\",\"ref\":\"mine\",\"user\":\"alice\",\"data\":1}\n");
    assert_eq!(typed(&mut terminal, "reply")["ref"], "mine");
    terminal.say("{\"n\":1}\n");
    assert!(typed(&mut terminal, "reply")["id"].is_string());
    terminal.say("{\"type\":\"leave\"}\n");
    let ended = terminal.end();
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "", ""));
}

#[test]
fn a_file_without_certificates_is_a_matter_of_usage() {
    for (file, why) in [("/dev/null", "there is no certificate in it"), ("/nowhere", "cannot read")]
    {
        for command in [&["connect", "alice"][..], &["health"], &["send", "alice", "hi"]] {
            let ended = run(usher(command).args(["--ca-file", file]), "");
            assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{}", ended.err);
            assert!(ended.err.contains(file) && ended.err.contains(why), "{}", ended.err);
        }
    }
}

#[test]
fn a_time_is_a_number_with_a_unit() {
    for wrong in ["3", "s", "3h", "-1s", "1.5s", ""] {
        let ended = run(&mut usher(&["connect", "a", "--lose-socket", wrong]), "");
        assert_eq!(ended.code, Some(2), "{wrong}: {}", ended.err);
    }
}
