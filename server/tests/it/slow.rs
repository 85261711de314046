//! Slow sessions: memory stays bounded, nobody else waits, and nothing is lost without a word.

use serde_json::{Value, json};
use server::config::{Config, Limits};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use crate::{
    call::Caller,
    frame::Frame,
    node::{Node, config, text, with_node},
    peer::{Peer, Session, handshake},
};

/// Opens a session over a socket that holds about this much before it has to be read.
async fn open(node: &Node, offer: &str, bytes: usize) -> Session {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(bytes).unwrap();
    socket.connect(&node.address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let stream = TcpStream::from_std(socket.into()).unwrap();
    let head = handshake("", &[("Sec-WebSocket-Protocol", offer)]);
    Session::welcomed(Peer::over(Caller::over(stream), &head, &[]).await.unwrap()).await
}

/// A session whose socket takes little before it has to be read.
async fn narrow(node: &Node, user: &str) -> Session {
    let ticket = node.ticket(&json!({"user": user})).await;
    open(node, &format!("usher.v1, ticket.{ticket}"), 4096).await
}

/// Reads on from a resume until it has caught up. Tells where a gap ended, and what came.
async fn rest(back: &mut Session) -> (Vec<Value>, Vec<u64>) {
    let (mut gaps, mut numbers) = (Vec::new(), Vec::new());
    loop {
        let frame = back.json().await;
        match frame["type"].as_str() {
            Some("gap") => gaps.push(frame),
            Some("message") => {
                back.position = text(&frame["position"]);
                numbers.push(frame["data"][0].as_u64().unwrap());
            }
            Some("caught_up") => return (gaps, numbers),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f22_a_session_that_does_not_read_is_parked_with_4001_and_comes_back_to_a_gap() {
    const MESSAGES: u64 = 1300;
    with_node(config(), async |node| {
        let mut slow = narrow(node, "alice").await;
        let mut brisk = node.join("alice").await;
        let mut watch = node.watch();
        let mut caller = node.caller().await;
        let mut parked_after = 0;
        let padding = "x".repeat(8 * 1024);
        for number in 0..MESSAGES {
            let body = json!({"data": [number, padding]});
            let sent = caller.ask("POST", "/v1/users/alice/messages", &body).await;
            parked_after += u64::from(sent["live"] == 2);
            assert_eq!(brisk.message().await["data"][0], number);
        }
        assert_eq!(watch.parked(&slow.id).await, 4001);
        // What its socket took, and an outbox; the rest of more than 10 MB was never kept for it.
        assert!(parked_after < MESSAGES / 2, "parked after {parked_after} messages");
        let counted = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&counted["live"], &counted["parked"]), (&json!(1), &json!(1)));

        // It finds whole frames in its socket, in order, up to the end.
        let mut read = 0;
        while let Some(Frame::Text(frame)) = slow.next().await {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            assert_eq!(frame["data"][0], read);
            slow.position = text(&frame["position"]);
            read += 1;
        }
        assert!(read <= parked_after);

        let mut back = node.resume(&slow.token, &slow.position).await;
        let (gaps, numbers) = rest(&mut back).await;
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(
            (&gaps[0]["after"], &gaps[0]["reason"]),
            (&json!(slow.position), &json!("overflow"))
        );
        // The last MiB of the stream, without a hole.
        let first = numbers[0];
        assert_eq!(numbers, (first..MESSAGES).collect::<Vec<_>>());
        assert!((100..=128).contains(&numbers.len()), "{}", numbers.len());
    });
}

#[test]
fn a_session_that_is_parked_for_being_slow_misses_nothing_that_its_stream_holds() {
    // A stream larger than what the sockets between may hold.
    let limits = Limits {
        outbox_bytes: 128 * 1024,
        stream_messages: 10_000,
        stream_bytes: 64 * 1024 * 1024,
        ..Limits::default()
    };
    with_node(Config { limits, ..config() }, async |node| {
        let slow = narrow(node, "alice").await;
        let mut watch = node.watch();
        let mut caller = node.caller().await;
        let padding = "x".repeat(8 * 1024);
        let mut sent = 0_u64;
        for _ in 0..1000 {
            let body = json!({"data": [sent, padding]});
            caller.ask("POST", "/v1/users/alice/messages", &body).await;
            sent += 1;
        }
        assert_eq!(watch.parked(&slow.id).await, 4001);
        // Nothing of what lies in its socket was read.
        let (token, position) = (slow.token.clone(), slow.position.clone());
        let mut back = node.resume(&token, &position).await;
        let (gaps, numbers) = rest(&mut back).await;
        assert!(gaps.is_empty(), "{gaps:?}");
        assert_eq!(numbers, (0..sent).collect::<Vec<_>>());
        back.in_step().await;
    });
}

#[test]
fn a_long_replay_of_small_messages_arrives_whole() {
    const MESSAGES: u64 = 20_000;
    let limits =
        Limits { stream_messages: 65_536, stream_bytes: 128 * 1024 * 1024, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let session = node.join("alice").await;
        let mut watch = node.watch();
        session.peer.vanish();
        watch.parked(&session.id).await;
        // Past HTTP, since this is about what comes out.
        let user = protocol::name::UserId::parse("alice").unwrap();
        for number in 0..MESSAGES {
            let body = json!({"data": [number]}).to_string();
            let request = protocol::body::read(body.as_bytes()).unwrap();
            node.running.node().send(&user, request, None).await.unwrap();
        }
        // A socket that takes megabytes at once: one turn writes page after page.
        let offer = format!("usher.v1, resume.{}, after.{}", session.token, session.position);
        let mut back = open(node, &offer, 32 << 20).await;
        let (gaps, numbers) = rest(&mut back).await;
        assert!(gaps.is_empty(), "{gaps:?}");
        assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
        back.in_step().await;
    });
}

#[test]
fn volatile_messages_go_first_when_a_session_is_slow() {
    with_node(config(), async |node| {
        let mut slow = narrow(node, "alice").await;
        let mut caller = node.caller().await;
        let padding = "x".repeat(8 * 1024);
        // More than sockets and outbox take; all of it may be dropped.
        for number in 0..1000 {
            let body = json!({"data": [number, padding], "volatile": true});
            caller.ask("POST", "/v1/users/alice/messages", &body).await;
        }
        let kept = caller.ask("POST", "/v1/users/alice/messages", &json!({"data": "kept"})).await;
        assert_eq!(kept["live"], 1);
        let mut next = 0;
        loop {
            let message = slow.message().await;
            if message["data"] == "kept" {
                break;
            }
            let number = message["data"][0].as_u64().unwrap();
            assert!(number >= next);
            next = number + 1;
        }
        assert!(next < 1000, "some were dropped");
        slow.in_step().await;
    });
}

#[test]
fn f22_who_is_parked_for_being_slow_finds_whole_frames_and_then_the_close() {
    with_node(config(), async |node| {
        for kilobytes in [1, 3, 8, 40] {
            let mut slow = narrow(node, "alice").await;
            let mut caller = node.caller().await;
            let padding = "x".repeat(kilobytes * 1024);
            for number in 0_u64.. {
                let body = json!({"data": [number, padding]});
                let sent = caller.ask("POST", "/v1/users/alice/messages", &body).await;
                if sent["live"] == 0 {
                    break;
                }
            }
            let mut read = 0;
            let last = loop {
                match slow.next().await {
                    Some(Frame::Text(frame)) => {
                        let frame: Value = serde_json::from_str(&frame).unwrap();
                        assert_eq!(frame["data"][0], read);
                        read += 1;
                    }
                    other => break other,
                }
            };
            assert_eq!(last, Some(Frame::Close(Some((4001, "slow".to_owned())))));
            slow.at_end().await;
        }
    });
}
