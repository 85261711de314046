//! Blocks: users who are kept out.

use std::time::Duration;

use protocol::time::Timestamp;
use serde_json::{Value, json};
use server::clock::Clock;

use crate::node::{config, passed, text, with_node};

#[test]
fn a_blocked_user_is_ended_and_kept_out_until_the_block_is_lifted() {
    with_node(config(), async |node| {
        let mut live = node.join("alice").await;
        let away = node.join("alice").await;
        let mut bob = node.join("bob").await;
        let ticket = node.ticket(&json!({"user": "alice", "ttl": 600})).await;
        let mut watch = node.watch();
        let (id, token, position) = (away.id.clone(), away.token.clone(), away.position.clone());
        away.peer.vanish();
        watch.parked(&id).await;

        let blocked = node.ask("PUT", "/v1/users/alice/block", &json!({})).await;
        assert_eq!(blocked, json!({"blocked": true, "closed": 2}));
        assert_eq!(live.typed("closing").await["code"], 4403);
        live.closed_with(4403, "forbidden").await;
        for (token, position) in [(&live.token, &live.position), (&token, &position)] {
            node.try_resume(token, position).await.closed_with(4403, "forbidden").await;
        }
        let offer = format!("usher.v1, ticket.{ticket}");
        node.dial("", &offer).await.closed_with(4403, "forbidden").await;
        let refused = node.call("POST", "/v1/tickets", &json!({"user": "alice"})).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "blocked"));
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["blocked"], &user["online"]), (&json!(true), &json!(false)));
        let again = node.ask("PUT", "/v1/users/alice/block", &Value::Null).await;
        assert_eq!(again, json!({"blocked": true, "closed": 0}));
        bob.in_step().await;

        let lifted = node.ask("DELETE", "/v1/users/alice/block", &Value::Null).await;
        assert_eq!(lifted, json!({"blocked": false, "closed": 0}));
        node.try_resume(&token, &position).await.closed_with(4403, "forbidden").await;
        // The ticket was not spent by those who were refused.
        node.dial("", &offer).await.typed("welcome").await;
        node.join("alice").await;
    });
}

#[test]
fn a_block_ends_when_it_was_said_to() {
    with_node(config(), async |node| {
        node.ask("PUT", "/v1/users/alice/block", &json!({"ttl": 1})).await;
        let blocks = node.ask("GET", "/v1/blocks", &Value::Null).await;
        let until = Timestamp(blocks["items"][0]["until"].as_u64().unwrap());
        assert!(until <= Clock::timestamp().after(Duration::from_secs(1)));
        let refused = node.call("POST", "/v1/tickets", &json!({"user": "alice"})).await;
        assert_eq!(refused.status, 403);
        passed(until).await;
        node.join("alice").await;
        assert_eq!(node.ask("GET", "/v1/blocks", &Value::Null).await, json!({"items": []}));
        for ttl in [json!(0), json!(-1), json!("30"), json!(2_592_001)] {
            let refused = node.call("PUT", "/v1/users/alice/block", &json!({"ttl": ttl})).await;
            assert_eq!((refused.status, refused.code().as_str()), (400, "bad-field"), "a9 {ttl}");
        }
    });
}

#[test]
fn blocks_are_listed_in_pages() {
    with_node(config(), async |node| {
        let mut users: Vec<_> = (0..25).map(|n| format!("u {n}/{{x}}")).collect();
        for user in &users {
            let path = user.replace(' ', "%20").replace('/', "%2F");
            node.ask("PUT", &format!("/v1/users/{path}/block"), &Value::Null).await;
        }
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = node.ask("GET", &format!("/v1/blocks?limit=10{cursor}"), &Value::Null).await;
            listed.extend(page["items"].as_array().unwrap().iter().map(|one| text(&one["user"])));
            match page.get("next_cursor") {
                Some(next) => cursor = format!("&cursor={}", text(next)),
                None => break,
            }
        }
        listed.sort_unstable();
        users.sort_unstable();
        assert_eq!(listed, users);
        for query in ["limit=0", "limit=1001", "limit=x", "cursor=!", "curser=a"] {
            let refused = node.call("GET", &format!("/v1/blocks?{query}"), &Value::Null).await;
            assert_eq!(
                (refused.status, refused.code().as_str()),
                (400, "bad-parameter"),
                "{query}"
            );
        }
    });
}
