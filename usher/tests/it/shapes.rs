//! Nodes on each shape of Redis: they say what they use, and a message crosses.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    crowd::{Welcomed, threads},
    nodes::{names, node, until},
    program::Program,
    redis::{Redis, free_address},
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
    let buses = [(); 3].map(|()| free_address().port().to_string());
    let servers = [0, 1, 2]
        .map(|at| Redis::start(&["--cluster-enabled", "yes", "--cluster-port", &buses[at]]));
    let port = |at: usize| servers[at].at().rsplit_once(':').expect("it has a port").1.to_owned();
    for (at, slots) in ["0 5461", "5462 10922", "10923 16383"].into_iter().enumerate() {
        servers[at].tell(&format!("CLUSTER ADDSLOTSRANGE {slots}"));
        servers[at].tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
        servers[0].tell(&format!("CLUSTER MEET 127.0.0.1 {} {}", port(at), buses[at]));
    }
    until("they are a cluster", || {
        servers.iter().all(|server| {
            let said = server.text("CLUSTER INFO");
            said.contains("cluster_state:ok") && said.contains("cluster_known_nodes:3")
        })
    });
    let places = format!("{},{}", servers[0].at(), servers[1].at());
    let engine = format!("redis+cluster://{places}");
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
    let redis = Redis::start(&[]);
    let (host, port) = {
        let at = redis.at();
        let (host, port) = at.rsplit_once(':').expect("it has a port");
        (host.to_owned(), port.to_owned())
    };
    let guard = free_address();
    let file = redis.folder().join("sentinel.conf");
    let text =
        format!("port {}\nbind 127.0.0.1\nsentinel monitor main {host} {port} 1\n", guard.port());
    fs::write(&file, text).expect("a file can be written");
    let mut sentinel = Program::start(Command::new("redis-server").arg(&file).arg("--sentinel"));
    sentinel.line_with("+monitor master");
    let engine = format!("redis+sentinel://{guard}/main");
    cross(&engine, &engine);
    sentinel.kill();
    sentinel.end();
}
