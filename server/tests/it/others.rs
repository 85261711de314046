//! Others: a WebSocket library that is not ours as the peer.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::node::{Node, config, soon, text, with_node};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(node: &Node, query: &str, offer: Option<&str>) -> Result<Socket, Error> {
    let url = format!("ws://{}/v1/connect{query}", node.address);
    let mut request = url.into_client_request().unwrap();
    if let Some(offer) = offer {
        let offer = HeaderValue::from_str(offer).unwrap();
        request.headers_mut().insert("sec-websocket-protocol", offer);
    }
    soon("a socket", connect_async(request)).await.map(|(socket, _)| socket)
}

async fn json_of(socket: &mut Socket) -> Value {
    match soon("a frame", socket.next()).await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_of_another_library_sends_and_receives_resumes_and_leaves() {
    with_node(config(), async |node| {
        let ticket = node.ticket(&json!({"user": "alice", "send": "any"})).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        let mut socket = open(node, "", Some(&offer)).await.unwrap();
        let welcome = json_of(&mut socket).await;
        assert_eq!(welcome["type"], "welcome");

        // Of all sizes whose lengths have a form of their own.
        for size in [0, 1, 123, 124, 125, 126, 127, 65_533] {
            let data = "x".repeat(size);
            node.send("alice", &json!({"data": data})).await;
            assert_eq!(json_of(&mut socket).await["data"], data);
        }
        let mut bob = node.join("bob").await;
        for size in [0, 125, 126, 65_533] {
            let data = "x".repeat(size);
            let send = json!({"type": "send", "ref": "c1", "user": "bob", "data": data});
            socket.send(Message::text(send.to_string())).await.unwrap();
            assert_eq!(json_of(&mut socket).await["ref"], "c1");
            assert_eq!(bob.message().await["data"], data);
        }
        socket.send(Message::Ping("who".into())).await.unwrap();
        let pong = soon("a pong", socket.next()).await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong("who".into()));

        let (token, position) = (text(&welcome["resume"]), text(&welcome["position"]));
        drop(socket);
        let query = format!("?resume={token}&after={position}");
        let mut socket = open(node, &query, None).await.unwrap();
        assert_eq!(json_of(&mut socket).await["resumed"], true);
        for _ in 0..8 {
            assert_eq!(json_of(&mut socket).await["replayed"], true);
        }
        assert_eq!(json_of(&mut socket).await["type"], "caught_up");
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
        socket.close(Some(goodbye)).await.unwrap();
        let answer = soon("the answer", socket.next()).await.unwrap().unwrap();
        let expected = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        assert_eq!(answer, Message::Close(Some(expected)));
        assert!(soon("the end", socket.next()).await.is_none());
    });
}

#[test]
fn another_library_sees_why_it_is_refused() {
    with_node(config(), async |node| {
        match open(node, "?ticket=x", None).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 401),
            other => panic!("{other:?}"),
        }
        match open(node, "", Some("mqtt")).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 400),
            other => panic!("{other:?}"),
        }
        let mut socket = open(node, "?ticket=x", Some("usher.v1")).await.unwrap();
        let close = soon("a close", socket.next()).await.unwrap().unwrap();
        let reason = "ticket-missing".into();
        let expected = CloseFrame { code: CloseCode::Library(4401), reason };
        assert_eq!(close, Message::Close(Some(expected)));
        assert!(soon("the end", socket.next()).await.is_none());
    });
}
