//! Proxies: whose address a session has, and by whose address failures are counted.

use std::net::IpAddr;

use kernel::rate::Rate;
use protocol::event::What;
use serde_json::{Value, json};
use server::{
    config::{Config, Limits},
    proxies::{Network, Proxies},
};

use crate::{
    call::Caller,
    node::{Node, config, with_node},
    peer::{Peer, Session, handshake},
};

/// A node that believes this machine, and a network where other proxies are.
fn trusting() -> Config {
    let networks = ["127.0.0.0/8", "10.0.0.0/8"];
    let networks = networks.map(|text| Network::parse(text).unwrap());
    Config { trusted_proxies: Proxies::new(networks.to_vec()), ..config() }
}

/// The address that a session is shown with whose handshake says this of where it comes from.
async fn address(node: &Node, over: Option<Caller>, values: &[&str]) -> String {
    let ticket = node.ticket(&json!({"user": "alice"})).await;
    let query = format!("?ticket={ticket}");
    let headers: Vec<_> = values.iter().map(|value| ("X-Forwarded-For", *value)).collect();
    let caller = match over {
        Some(caller) => caller,
        None => Caller::open(node.address).await,
    };
    let peer = Peer::over(caller, &handshake(&query, &headers), &[]).await.unwrap();
    let session = Session::welcomed(peer).await;
    let shown = node.ask("GET", &format!("/v1/sessions/{}", session.id), &Value::Null).await;
    shown["address"].as_str().unwrap().to_owned()
}

#[test]
fn a16_a_trusted_proxy_is_believed_as_far_as_others_are() {
    with_node(trusting(), async |node| {
        for (values, expected) in [
            (&[][..], "127.0.0.1"),
            (&["6.6.6.6"], "6.6.6.6"),
            (&["1.1.1.1, 6.6.6.6"], "6.6.6.6"),
            (&["1.1.1.1, 6.6.6.6, 10.0.0.7"], "6.6.6.6"),
            (&["1.1.1.1", "6.6.6.6", "10.0.0.7"], "6.6.6.6"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["6.6.6.6, somebody"], "127.0.0.1"),
            (&["6.6.6.6, somebody, 10.0.0.7"], "10.0.0.7"),
        ] {
            assert_eq!(address(node, None, values).await, expected, "{values:?}");
            // The same where HTTP was spoken before.
            let mut used = node.caller().await;
            assert_eq!(used.call("GET", "/livez", &Value::Null).await.status, 200);
            assert_eq!(address(node, Some(used), values).await, expected, "{values:?}");
        }
    });
}

#[test]
fn a16_who_is_not_trusted_speaks_for_nobody() {
    let elsewhere = Proxies::new(vec![Network::parse("10.0.0.0/8").unwrap()]);
    for trusted_proxies in [Proxies::default(), elsewhere] {
        with_node(Config { trusted_proxies, ..config() }, async |node| {
            for values in [&["6.6.6.6"][..], &["6.6.6.6, 10.0.0.7"], &["10.0.0.7"]] {
                assert_eq!(address(node, None, values).await, "127.0.0.1", "{values:?}");
            }
        });
    }
}

#[test]
fn a16_wrong_keys_are_counted_by_who_sent_them() {
    let failed_keys = Rate { per_second: 1, burst: 2 };
    let limits = Limits { failed_keys, ..Limits::default() };
    let guess = async |node: &Node, from: &str| {
        let headers = format!("Authorization: Bearer guess\r\nX-Forwarded-For: {from}\r\n");
        Caller::once(node.address, "GET", "/v1/sessions", &headers).await.status
    };
    with_node(Config { limits, ..trusting() }, async |node| {
        for expected in [401, 401, 429] {
            assert_eq!(guess(node, "1.1.1.1, 6.6.6.6").await, expected);
        }
        // Whatever it says of who is behind it, and whoever else comes by the same proxy.
        assert_eq!(guess(node, "2.2.2.2, 6.6.6.6").await, 429);
        assert_eq!(guess(node, "7.7.7.7").await, 401);
    });
    // Without trust, to name others does not help.
    with_node(Config { limits, ..config() }, async |node| {
        for (from, expected) in [("1.1.1.1", 401), ("2.2.2.2", 401), ("3.3.3.3", 429)] {
            assert_eq!(guess(node, from).await, expected);
        }
    });
}

#[test]
fn a16_failed_handshakes_are_counted_by_who_sent_them_and_told_with_it() {
    let failed_handshakes = Rate { per_second: 1, burst: 2 };
    let limits = Limits { failed_handshakes, ..Limits::default() };
    with_node(Config { limits, ..trusting() }, async |node| {
        let mut watch = node.watch();
        for (from, status) in
            [("6.6.6.6", 401), ("6.6.6.6", 401), ("6.6.6.6", 429), ("7.7.7.7", 401)]
        {
            let headers = [("X-Forwarded-For", from)];
            let refused = Peer::dial(node.address, &headers, "").await.unwrap_err();
            assert_eq!(refused.status, status, "{from}");
            // Who fails on is only counted.
            if status == 429 {
                continue;
            }
            let told = watch.until("a refusal to be told", |what| match what {
                What::TicketRefused { address, .. } => Some(*address),
                _ => None,
            });
            assert_eq!(told.await, from.parse::<IpAddr>().unwrap());
        }
        // A head that cannot be read says nothing of anybody.
        let broken = handshake("", &[("X-Forwarded-For", "6.6.6.6")]).replace("Host:", "Host :");
        let refused = Peer::over(Caller::open(node.address).await, &broken, &[]).await.unwrap_err();
        assert_eq!(refused.status, 400);
    });
}
