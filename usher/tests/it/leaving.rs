//! Leaving: what becomes of sessions when their node is told to stop.

use serde_json::json;

use crate::{node::Node, session::Session};

#[test]
fn sessions_are_told_to_come_back_when_the_node_stops() {
    let node = Node::dev();
    let mut sessions = ["alice", "bob"].map(|user| Session::open(&node, &node.ticket(user)));
    node.program.terminate();
    for session in &mut sessions {
        let closing = session.frame();
        assert_eq!((&closing["type"], &closing["code"]), (&json!("closing"), &json!(4000)));
        assert!(closing["retry_ms"].is_u64(), "{closing}");
        let closed = json!({"type": "closed", "code": 4000, "reason": "drain"});
        assert_eq!(session.frame(), closed);
    }
    let ended = node.program.end();
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.starts_with("stopping; 2 sockets"), "{}", ended.err);
}

#[test]
fn a_node_without_sessions_stops_at_once_and_in_silence() {
    let node = Node::dev();
    node.program.terminate();
    let ended = node.program.end();
    assert_eq!((ended.code, &*ended.out, &*ended.err), (Some(0), "", ""));
}
