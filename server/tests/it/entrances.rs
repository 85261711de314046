//! Entrances: one address for sessions, another for the API, and neither serves what is the other's.

use serde_json::{Value, json};
use server::serve::{Listeners, Who, routes};
use tokio::net::TcpStream;

use crate::{
    call::{Caller, Response},
    callers::path_of,
    node::{KEY, Node, config, free, with_listeners},
    pair::{Pair, VERSIONS, shake},
    peer::{Peer, Session, handshake},
};

/// A node with two addresses; calls go to the second.
fn with_two(test: impl AsyncFnOnce(&Node, std::net::SocketAddr)) {
    let listeners = Listeners { public: vec![free()], api: vec![free()] };
    with_listeners(config(), listeners, async |node| {
        test(node, node.running.api_addresses()[0]).await;
    });
}

fn is_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (status, code), "{response:?}");
}

#[test]
fn each_route_is_where_it_belongs() {
    with_two(async |node, api| {
        let key = format!("Authorization: Bearer {KEY}\r\n");
        for route in routes() {
            let (method, path) = (route.method.as_str(), path_of(&route));
            let ask = async |at, headers: &str| Caller::once(at, method, &path, headers).await;
            match route.who {
                Who::Anybody => {
                    for at in [node.address, api] {
                        let status = ask(at, "").await.status;
                        // It was asked to go away by one of the others.
                        let is_there = status == 503 || (200..300).contains(&status);
                        assert!(is_there, "{path}: {status}");
                    }
                }
                Who::Dev => {
                    for at in [node.address, api] {
                        is_problem(&ask(at, &key).await, 404, "not-found");
                    }
                }
                Who::Ticket => {
                    is_problem(&ask(node.address, "").await, 426, "upgrade-required");
                    is_problem(&ask(api, &key).await, 404, "not-found");
                }
                Who::Reader | Who::Backend => {
                    is_problem(&ask(node.address, &key).await, 404, "not-found");
                    is_problem(&ask(api, "").await, 401, "key-refused");
                    let status = ask(api, &key).await.status;
                    assert!(![401, 403].contains(&status), "{path}: {status}");
                }
                Who::Monitor => {
                    is_problem(&ask(node.address, &key).await, 404, "not-found");
                    assert_eq!(ask(api, "").await.status, 200, "{path}");
                }
            }
        }
    });
}

#[test]
fn a_session_comes_by_one_address_and_its_messages_by_the_other() {
    with_two(async |node, api| {
        let mut backend = Caller::open(api).await;
        let minted = backend.call("POST", "/v1/tickets", &json!({"user": "alice"})).await;
        let ticket = minted.json()["ticket"].as_str().unwrap().to_owned();
        let offer = format!("usher.v1, ticket.{ticket}");
        let headers = [("Sec-WebSocket-Protocol", offer.as_str())];

        // The ticket is good, and the address is not.
        let refused = Peer::dial(api, &headers, "").await.unwrap_err();
        is_problem(&refused, 404, "not-found");

        let mut session =
            Session::welcomed(Peer::dial(node.address, &headers, "").await.unwrap()).await;
        let sent =
            backend.ask("POST", "/v1/users/alice/messages", &json!({"data": "over there"})).await;
        assert_eq!(sent["live"], 1);
        assert_eq!(session.message().await["data"], "over there");
    });
}

#[test]
fn h25_nothing_is_heard_behind_a_handshake_at_the_wrong_address() {
    with_two(async |_, api| {
        let behind = "GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n";
        let wrong = handshake("?ticket=t", &[]);
        for before in ["", behind] {
            let mut caller = Caller::open(api).await;
            caller.write(format!("{before}{wrong}{behind}").as_bytes()).await;
            if !before.is_empty() {
                assert_eq!(caller.response().await.status, 200);
            }
            let refused = caller.response().await;
            is_problem(&refused, 404, "not-found");
            assert_eq!(refused.header("connection"), Some("close"));
            caller.closed().await;
        }
    });
}

#[test]
fn with_a_certificate_both_addresses_speak_tls() {
    let pair = Pair::new();
    let listeners = Listeners { public: vec![free()], api: vec![free()] };
    with_listeners(pair.config(), listeners, async |node| {
        for address in [node.address, node.running.api_addresses()[0]] {
            let in_the_clear = Caller::once(address, "GET", "/livez", "").await;
            is_problem(&in_the_clear, 400, "bad-request");
            let stream = TcpStream::connect(address).await.unwrap();
            let stream = shake(&pair.known(&VERSIONS), stream).await.unwrap();
            let live = Caller::over(stream).call("GET", "/livez", &Value::Null).await;
            assert_eq!(live.status, 200);
        }
    });
}

#[test]
fn a_node_that_stops_listens_nowhere() {
    let listeners = Listeners { public: vec![free()], api: vec![free()] };
    let mut addresses = Vec::new();
    with_listeners(config(), listeners, async |node| {
        addresses.extend([node.address, node.running.api_addresses()[0]]);
        assert_eq!(Caller::once(addresses[1], "GET", "/readyz", "").await.status, 200);
        assert_eq!(
            Caller::open(node.address).await.call("GET", "/livez", &Value::Null).await.status,
            200
        );
    });
    for address in addresses {
        assert!(std::net::TcpStream::connect(address).is_err(), "{address}");
    }
}
