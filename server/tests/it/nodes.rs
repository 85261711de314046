//! Nodes: which there are, and how one is asked to go.

use serde_json::{Value, json};
use server::config::Config;

use crate::node::{config, soon, with_node};

#[test]
fn a_node_is_shown_with_everything_that_is_known_of_it() {
    let node_url = Some("wss://n1.example.com".to_owned());
    with_node(Config { node_url, ..config() }, async |node| {
        let session = node.join("alice").await;
        let mut list = node.ask("GET", "/v1/nodes", &Value::Null).await;
        let shown = &mut list["items"][0];
        let (generation, started_at) = (shown["generation"].take(), shown["started_at"].take());
        assert!(started_at.as_u64().unwrap() > 1_700_000_000_000);
        assert!(generation.is_u64());
        let expected = json!({"items": [{
            "node": "n1", "generation": null, "state": "ready", "sessions": 1,
            "url": "wss://n1.example.com", "started_at": null,
            "version": env!("CARGO_PKG_VERSION"),
        }]});
        assert_eq!(list, expected);
        assert_eq!(session.welcome["node"], "n1");
    });
}

#[test]
fn a_node_that_is_asked_to_go_says_so_and_is_unready() {
    with_node(config(), async |node| {
        let list = node.ask("GET", "/v1/nodes", &Value::Null).await;
        assert_eq!(list["items"][0].get("url"), None);
        for other in ["n2", "N1", "%6e2", "n1.1", "%FF"] {
            let path = format!("/v1/nodes/{other}/drain");
            let unknown = node.call("POST", &path, &json!({})).await;
            assert_eq!((unknown.status, unknown.code().as_str()), (404, "node-unknown"));
        }
        assert_eq!(node.call("GET", "/readyz", &Value::Null).await.status, 200);
        let mut session = node.join("alice").await;
        // With a body and without; to ask twice is to ask once.
        for body in [json!({}), Value::Null, json!({})] {
            let reply = node.ask("POST", "/v1/nodes/n1/drain", &body).await;
            assert_eq!((&reply["node"], &reply["state"]), (&json!("n1"), &json!("draining")));
            assert_eq!(reply["sessions"], 1);
        }
        soon("the process to be asked", node.running.node().asked_to_leave()).await;
        assert_eq!(node.call("GET", "/readyz", &Value::Null).await.status, 503);
        // The process does the rest; until then nobody is refused.
        session.in_step().await;
        assert_eq!(node.send("alice", &json!({"data": 1})).await["live"], 1);
    });
}

#[test]
fn tickets_name_the_node_before_what_all_have_in_common() {
    for (node_url, public_url, expected) in [
        (None, None, json!(null)),
        (None, Some("wss://ws.example.com"), json!(["wss://ws.example.com/v1/connect"])),
        (Some("wss://n1.example.com"), None, json!(["wss://n1.example.com/v1/connect"])),
        (
            Some("wss://n1.example.com"),
            Some("wss://ws.example.com"),
            json!(["wss://n1.example.com/v1/connect", "wss://ws.example.com/v1/connect"]),
        ),
        (
            Some("wss://ws.example.com"),
            Some("wss://ws.example.com"),
            json!(["wss://ws.example.com/v1/connect"]),
        ),
    ] {
        let (node_url, public_url) = (node_url.map(str::to_owned), public_url.map(str::to_owned));
        with_node(Config { node_url, public_url, ..config() }, async |node| {
            let reply = node.call("POST", "/v1/tickets", &json!({"user": "alice"})).await.json();
            assert_eq!(reply.get("urls").unwrap_or(&Value::Null), &expected);
            let session = node.join("alice").await;
            assert_eq!(session.welcome.get("urls").unwrap_or(&Value::Null), &expected);
        });
    }
}
