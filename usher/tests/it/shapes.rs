//! Nodes on each shape of Redis: they say what they use, and a message crosses.

use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    crowd::{Welcomed, threads},
    guarded::Guarded,
    nodes::{names, node},
    program::until,
    redis::{Redis, Site},
};

/// Two nodes there; what one accepts reaches a session of the other.
fn cross(engine: &str, shown: &str) {
    let mut nodes = ["n0", "n1"].map(|name| node(name, engine));
    for node in &mut nodes {
        let line = node.program.line_with("sessions and messages are kept");
        assert!(line.contains(shown) && !line.contains("secret"), "{line}");
    }
    let [first, second] = &nodes;
    until("they know of each other", || names(first).len() == 2 && names(second).len() == 2);
    threads().block_on(async {
        let mut alice =
            Welcomed::dial(first.address, &first.offer(&json!({"user": "alice"}))).await;
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": "hi"}));
        assert_eq!(sent["live"], 1, "{sent}");
        let message = alice.member.typed("message").await;
        assert_eq!((&message["id"], &message["data"]), (&sent["id"], &json!("hi")));
        alice.leave().await;
    });
    until("all sessions are gone", || {
        second.ask("GET", "/v1/users/alice", &Value::Null)["online"] == json!(false)
    });
}

#[test]
fn a_message_crosses_a_cluster() {
    let cluster = Cluster::start(&[(); 3].map(|()| Site::open()), 3, &[]);
    let engine = cluster.url("");
    cross(&engine, &engine);
}

#[test]
fn a_message_crosses_several_servers() {
    let servers = [(); 2].map(|()| Redis::start(&["--requirepass", "an-open-secret"]));
    let [first, second] = servers.each_ref().map(Redis::at);
    let engine = format!("redis://:an-open-secret@{first},redis://:an-open-secret@{second}");
    cross(&engine, &format!("redis://{first},redis://{second}"));
}

#[test]
fn a_message_crosses_the_primary_that_sentinels_know() {
    let guarded = Guarded::start(&[(); 2].map(|()| Site::open()), 1_000, &[]);
    let engine = guarded.url("");
    cross(&engine, &engine);
}
