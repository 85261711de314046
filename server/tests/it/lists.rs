//! Lists of many sessions.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use engine::{contract::Engine, memory::Memory};
use kernel::{
    message::NodeRef,
    registry::{Attempt, Grant, Proof},
};
use protocol::{
    grant::{Meta, Policy, SendGrant},
    id::{ResumeToken, SessionId, Ticket},
    limit,
    name::UserId,
    partition::Partition,
};
use serde_json::Value;
use server::clock::Clock;

use crate::node::{Node, with_node_on};

/// So many sessions of another node.
async fn crowd(engine: &Memory, count: usize) {
    for bits in 0..count as u128 {
        let user = UserId::parse(&format!("user-{bits}")).unwrap();
        let partition = Partition::of(&user);
        let ticket = Ticket::new(partition, bits);
        let grant = Grant {
            user,
            device: None,
            class: None,
            policy: Policy::MULTI,
            send: SendGrant::None,
            origin: None,
            max_age: None,
            meta: Meta::default(),
        };
        engine.mint(ticket, grant, Duration::from_secs(600)).await.unwrap();
        let attempt = Attempt {
            proof: Proof::Ticket(ticket, None),
            session: SessionId::new(partition, bits),
            token: ResumeToken::new(partition, bits),
            node: Arc::new(NodeRef { id: "n9".into(), generation: 1 }),
            address: Ipv4Addr::LOCALHOST.into(),
            origin: None,
            origin_allowed: false,
        };
        engine.admit(attempt).await.unwrap();
    }
}

/// How many items each page has.
async fn pages(node: &Node, query: &str) -> Vec<usize> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let list = node.ask("GET", &format!("/v1/sessions?{query}{cursor}"), &Value::Null).await;
        pages.push(list["items"].as_array().unwrap().len());
        let Some(next) = list["next_cursor"].as_str() else { return pages };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_page_of_a_node_is_looked_for_among_no_more_than_a_page_of_all() {
    const COUNT: usize = 2 * limit::LIST_MAX + 500;
    let memory = |config: &server::config::Config, mailboxes| {
        Arc::new(Memory::new(config.terms(), mailboxes, Arc::new(Clock::timestamp)))
    };
    with_node_on(memory, async |node, engine| {
        crowd(engine, COUNT).await;
        assert_eq!(pages(node, "limit=1000").await, [1000, 1000, 500]);
        assert_eq!(pages(node, "limit=1000&node=n9").await, [1000, 1000, 500]);
        assert_eq!(pages(node, "limit=1&node=nobody").await, [0, 0, 0]);
        let few = pages(node, "limit=600&node=n9").await;
        assert_eq!((few.iter().sum::<usize>(), few.len()), (COUNT, 5));
    });
}
