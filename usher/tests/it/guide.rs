//! Guide: what docs/guide.md says can be typed, and the SDK of docs/sdk.md run as it stands.

use std::process::Command;

use crate::{
    node::Node,
    page::{blocks, call, steps},
    session::{Session, python},
};

const GUIDE: &str = include_str!("../../../docs/guide.md");
const SDK: &str = include_str!("../../../docs/sdk.md");

/// What is done with the SDK: its socket is lost between messages, then its session is ended.
const USE: &str = r#"
import sys
base = sys.argv[1]
session = Session(base.replace("http", "ws") + "/v1/connect", lambda: dev_ticket(base, "alice"))

def post(path, body):
    request = urllib.request.Request(base + path, json.dumps(body).encode())
    request.add_header("authorization", "Bearer usher_dev_key")
    return json.load(urllib.request.urlopen(request))

def send(n):
    return post("/v1/users/alice/messages", {"data": n})

session.pause = lambda: None
events = session.events()
original = session.frame
ids, got = set(), []

def frame(frame):
    if frame["type"] == "welcome":
        ids.add(frame["session"])
        if not frame["resumed"]:
            send(0)
    yield from original(frame)

session.frame = frame
for event in events:
    got.append(event["data"])
    if event["data"] in (0, 3):
        session.socket.socket.shutdown(2)  # without a word
        for n in range(1, 4):
            send(event["data"] + n)
    if event["data"] == 6:
        break
assert got == [0, 1, 2, 3, 4, 5, 6], got
assert len(ids) == 1, "it is one session all the while"
request = urllib.request.Request(base + "/v1/users/alice/sessions", method="DELETE")
request.add_header("authorization", "Bearer usher_dev_key")
assert json.load(urllib.request.urlopen(request)) == {"closed": 1}
try:
    next(events)
    raise SystemExit("it came back")
except Stopped as stopped:
    assert stopped.args == (4410,), stopped
print("done")
"#;

#[test]
fn every_call_of_the_guide_answers_what_the_guide_shows() {
    let node = Node::dev();
    let ticket = node.ask(&["ticket", "alice", "--device", "phone"]).out;
    let protocols = ["usher.v1", &format!("ticket.{}", ticket.trim())];
    let (_session, _welcome) = Session::at(&node.socket_url(), &protocols);
    let steps = steps(GUIDE);
    assert!(steps.len() > 4);
    for step in &steps {
        call(&node, step);
    }
}

#[test]
fn the_sdk_of_the_page_misses_nothing_and_stops_when_told() {
    let node = Node::dev();
    let mut code = blocks(SDK).filter(|(language, _)| *language == "python");
    let (_, code) = code.next().expect("the page has a block of Python");
    let program = format!("{code}\n{USE}");
    let base = format!("http://{}", node.address);
    let run = Command::new(python()).args(["-c", &program, &base]).output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(out.trim(), "done", "{err}");
}
