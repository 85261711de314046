//! TLS: sessions and calls within it, whatever way its bytes come, and certificates that change.

use std::{fs, time::Duration};

use protocol::{limit::HEAD_WAIT, name::UserId};
use serde_json::{Value, json};
use server::{
    config::Config,
    serve::{self, Failed},
};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::rustls::ProtocolVersion;

use crate::{
    call::{Caller, Stream},
    frame::{self, Frame},
    node::{Node, PATIENCE, config, soon, text, with_node},
    pair::{Cut, Pair, Secured, VERSIONS, open, shake, socket, ticket},
    peer::{Peer, Session, handshake},
};

/// Sends to a user, past HTTP.
async fn send(node: &Node, user: &str, message: &Value) -> Value {
    let user = UserId::parse(user).unwrap();
    let request = protocol::body::read(message.to_string().as_bytes()).unwrap();
    let answered = node.running.node().send(&user, request, None).await.unwrap();
    serde_json::to_value(answered.answer).unwrap()
}

/// The session receives and sends messages of all sizes whose lengths have a form of their own.
async fn converses<S: Stream>(node: &Node, pair: &Pair, session: &mut Session<S>) {
    let mut bob = pair.join(node, &json!({"user": "bob"})).await;
    for size in [0, 125, 126, 16_300, 65_533] {
        let data = "x".repeat(size);
        send(node, "alice", &json!({"data": data})).await;
        assert_eq!(session.message().await["data"], data);
        let said = json!({"type": "send", "ref": "c1", "user": "bob", "data": data});
        session.send(&said).await;
        assert_eq!(session.typed("reply").await["ref"], "c1");
        assert_eq!(bob.message().await["data"], data);
    }
}

#[test]
fn a_session_within_tls_is_one_like_any_other() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        for version in VERSIONS {
            let stream = shake(&pair.known(&[version]), socket(node).await).await.unwrap();
            let spoken = stream.get_ref().1.protocol_version();
            let known = [ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3];
            assert!(spoken.is_some_and(|spoken| known.contains(&spoken)));
            let proof = ticket(node, &json!({"user": "alice", "send": "any"})).await;
            let mut session = open(stream, &proof).await;
            converses(node, &pair, &mut session).await;
            // A flood is collected, and comes in order.
            for number in 0..200 {
                send(node, "alice", &json!({"data": number})).await;
            }
            let numbers: Vec<_> = (0..200).map(|number| json!(number)).collect();
            assert_eq!(session.messages(200).await, numbers);
            session.send(&json!({"type": "leave"})).await;
            session.closed_with(1000, "").await;
        }
    });
}

#[test]
fn calls_within_tls_are_answered_and_a_handshake_may_follow_them() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let mut caller = pair.caller(node).await;
        for page in ["/livez", "/readyz"] {
            assert_eq!(caller.call("GET", page, &Value::Null).await.status, 200);
        }
        let large = json!({"data": "x".repeat(65_000)});
        let sent = caller.ask("POST", "/v1/users/alice/messages", &large).await;
        assert_eq!(sent["matched"], 0);
        let asked = json!({"user": "alice", "send": "any"});
        let minted = caller.call("POST", "/v1/tickets", &asked).await;
        assert_eq!(minted.status, 201);

        // The frames that come in the packet of the handshake, and then half a frame.
        let offer = format!("usher.v1, ticket.{}", text(&minted.json()["ticket"]));
        let head = handshake("", &[("Sec-WebSocket-Protocol", &offer)]);
        let ping = frame::json(&json!({"type": "ping"}));
        let peer = Peer::over(caller, &head, &[&ping[..], &ping[..9]].concat()).await.unwrap();
        let mut session = Session::welcomed(peer).await;
        session.typed("pong").await;
        session.write(&ping[9..]).await;
        session.typed("pong").await;
        converses(node, &pair, &mut session).await;

        // A refused one, in both ways of speaking, and no handshake at all.
        let mut caller = pair.caller(node).await;
        caller.ask("GET", "/v1/users/alice", &Value::Null).await;
        let mut refused = Peer::over(caller, &head, &[]).await.unwrap();
        refused.closed_with(4201, "ticket-spent").await;
        let caller = pair.caller(node).await;
        let mut refused = Peer::over(caller, &head, &[]).await.unwrap();
        refused.closed_with(4201, "ticket-spent").await;
        let caller = pair.caller(node).await;
        let refused = Peer::over(caller, &handshake("", &[]), &[]).await.unwrap_err();
        assert_eq!((refused.status, refused.code().as_str()), (401, "ticket-missing"));
        let mut caller = pair.caller(node).await;
        caller.write(b"no request\r\n\r\n").await;
        assert_eq!(caller.response().await.status, 400);
        caller.closed().await;
    });
}

#[test]
fn a_peer_may_send_its_bytes_in_any_pieces() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        // Byte by byte, up to and around the five bytes of a record's header, and around its end.
        let cuts: [&[usize]; 5] = [&[1], &[4, 1, 100], &[5], &[6, 7, 1000], &[16_406, 1, 16_405]];
        for cuts in cuts {
            let stream = Cut::new(socket(node).await, cuts.to_vec());
            let proof = ticket(node, &json!({"user": "alice", "send": "any"})).await;
            let mut session = pair.join_over(stream, &proof).await;
            converses(node, &pair, &mut session).await;
        }
    });
}

#[test]
fn h27_who_does_not_speak_tls_is_told_off() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        // In the clear, since that is what it understands.
        for request in [
            "GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n",
            &handshake("", &[]),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let mut caller = Caller::open(node.address).await;
            caller.write(request.as_bytes()).await;
            let answer = caller.response().await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "bad-request"));
            assert!(answer.body.contains("https:// and wss://"), "{}", answer.body);
            caller.closed().await;
        }
        // With the alert of a message that cannot be read.
        for garbage in [&b"\0\0\0\0\0\0"[..], b"\x16\x03\x01\x00\x00", b"\x80\x2e\x01\x03\x01"] {
            let mut stream = socket(node).await;
            stream.write_all(garbage).await.unwrap();
            let mut answer = Vec::new();
            soon("the end", stream.read_to_end(&mut answer)).await.unwrap();
            assert_eq!(answer, b"\x15\x03\x03\x00\x02\x02\x32");
        }
        // Garbage where a record was to come: the session is lost, and may come back.
        let mut watch = node.watch();
        let mut session = pair.join(node, &json!({"user": "alice"})).await;
        session.peer.stream.get_mut().0.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        watch.parked(&session.id).await;
        let proof = format!("resume.{}, after.{}", session.token, session.position);
        let back = pair.join_over(socket(node).await, &proof).await;
        assert_eq!(back.welcome["resumed"], true);
    });
}

#[test]
fn h21_who_does_not_finish_its_greeting_and_its_head_in_time_is_cut_off() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let begun = Instant::now();
        let nothing_follows = async |said: &[u8]| {
            let mut stream = socket(node).await;
            stream.write_all(said).await.unwrap();
            let mut answer = Vec::new();
            // Reset or ended: what matters is that nothing is waited for any longer.
            soon("the end", stream.read_to_end(&mut answer)).await.ok();
            assert!(answer.is_empty());
        };
        let half_a_head = async {
            let mut caller = pair.caller(node).await;
            caller.write(b"GET /livez HTTP/1.1\r\nX: ").await;
            let answer = caller.response().await;
            assert_eq!((answer.status, answer.code().as_str()), (408, "request-timeout"));
            caller.closed().await;
        };
        let greeted = async {
            let mut stream = pair.over(socket(node).await).await.unwrap();
            assert!(soon("the end", stream.read_u8()).await.is_err());
        };
        tokio::join!(
            nothing_follows(b""),
            nothing_follows(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaa"),
            half_a_head,
            greeted,
        );
        assert!(begun.elapsed() >= HEAD_WAIT && begun.elapsed() < PATIENCE / 2);
    });
}

#[test]
fn f23_a_session_is_parked_however_its_socket_ends() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let mut watch = node.watch();
        for way in ["close_notify", "FIN", "RST"] {
            let mut session = pair.join(node, &json!({"user": "alice"})).await;
            let (token, position) = (session.token.clone(), session.position.clone());
            match way {
                "close_notify" => session.peer.stream.shutdown().await.unwrap(),
                "FIN" => drop(session.peer.stream.into_inner().0),
                _ => reset(session.peer.stream.into_inner().0),
            }
            watch.parked(&session.id).await;
            send(node, "alice", &json!({"data": way})).await;
            let proof = format!("resume.{token}, after.{position}");
            let mut back = pair.join_over(socket(node).await, &proof).await;
            assert_eq!(back.message().await["data"], way);
            back.caught_up().await;
            back.send(&json!({"type": "leave"})).await;
            back.closed_with(1000, "").await;
        }
    });
}

/// Goes away without a word: RST.
#[expect(clippy::needless_pass_by_value, reason = "it is closed")]
fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A socket that holds little before it has to be read.
fn narrow(node: &Node) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&node.address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    TcpStream::from_std(socket.into()).unwrap()
}

/// Reads on from a resume until it has caught up. Tells the gaps, and the numbers that came.
async fn rest(back: &mut Secured) -> (Vec<Value>, Vec<u64>) {
    let (mut gaps, mut numbers) = (Vec::new(), Vec::new());
    loop {
        let frame = back.json().await;
        match frame["type"].as_str() {
            Some("gap") => gaps.push(frame),
            Some("message") => numbers.push(frame["data"][0].as_u64().unwrap()),
            Some("caught_up") => return (gaps, numbers),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f22_a_session_within_tls_that_does_not_read_is_parked_with_4001_and_comes_back() {
    const MESSAGES: u64 = 1300;
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let proof = ticket(node, &json!({"user": "alice"})).await;
        let mut slow = pair.join_over(narrow(node), &proof).await;
        let mut brisk = pair.join(node, &json!({"user": "alice"})).await;
        let mut watch = node.watch();
        let padding = "x".repeat(8 * 1024);
        let mut parked_after = 0;
        for number in 0..MESSAGES {
            let sent = send(node, "alice", &json!({"data": [number, padding]})).await;
            parked_after += u64::from(sent["live"] == 2);
            assert_eq!(brisk.message().await["data"][0], number);
        }
        assert_eq!(watch.parked(&slow.id).await, 4001);
        assert!(parked_after < MESSAGES / 2, "parked after {parked_after} messages");

        // It finds whole frames in its socket, in order, then the close, then the end of TLS.
        let mut read = 0;
        let last = loop {
            match slow.next().await {
                Some(Frame::Text(frame)) => {
                    let frame: Value = serde_json::from_str(&frame).unwrap();
                    assert_eq!(frame["data"][0], read);
                    slow.position = text(&frame["position"]);
                    read += 1;
                }
                other => break other,
            }
        };
        if let Some(last) = last {
            assert_eq!(last, Frame::Close(Some((4001, "slow".to_owned()))));
        }
        assert!(read <= parked_after);

        let proof = format!("resume.{}, after.{}", slow.token, slow.position);
        let mut back = pair.join_over(socket(node).await, &proof).await;
        let (gaps, numbers) = rest(&mut back).await;
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(numbers, (numbers[0]..MESSAGES).collect::<Vec<_>>());
        back.in_step().await;
    });
}

/// A session of its own user whose socket holds little, to which so many messages were sent, each of
/// which is sealed at once. It has read none of them.
async fn sent_to_narrow(node: &Node, pair: &Pair, user: &str, count: u64) -> Secured {
    let proof = ticket(node, &json!({"user": user})).await;
    let session = pair.join_over(narrow(node), &proof).await;
    let padding = "x".repeat(30 * 1024);
    for number in 0..count {
        send(node, user, &json!({"data": [number, padding], "volatile": true})).await;
    }
    session
}

#[test]
fn what_a_full_socket_did_not_take_is_written_when_it_does() {
    const MANY: u64 = 400;
    /// What an outbox holds of them.
    const IN_OUTBOX: u64 = 8;
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        // More than sockets and outbox take; what is too much is dropped.
        let mut slow = sent_to_narrow(node, &pair, "flood", MANY).await;
        assert_eq!(send(node, "flood", &json!({"data": [MANY]})).await["live"], 1);
        let (mut taken, mut next) = (0, 0);
        while next <= MANY {
            let number = slow.message().await["data"][0].as_u64().unwrap();
            assert!(number >= next);
            if number == next {
                taken = number + 1;
            }
            next = number + 1;
        }
        assert!(taken < MANY / 2, "{taken} were taken at once");
        slow.in_step().await;

        // Around what a socket takes, the last message is there in part, and no outbox waits for
        // anything. Nothing else happens then that could remind the node of it.
        for count in taken.saturating_sub(IN_OUTBOX + 6).max(1)..taken.saturating_sub(3) {
            let mut slow = sent_to_narrow(node, &pair, &format!("user-{count}"), count).await;
            for number in 0..count {
                assert_eq!(slow.message().await["data"][0], number, "of {count}");
            }
            // Nor does it do any harm if the socket is lost at that moment.
            let mut watch = node.watch();
            let lost = sent_to_narrow(node, &pair, &format!("lost-{count}"), count).await;
            reset(lost.peer.stream.into_inner().0);
            watch.parked(&lost.id).await;
        }
    });
}

#[test]
fn a_socket_that_is_open_stays_when_another_certificate_comes() {
    let mut pair = Pair::new();
    with_node(pair.config(), async |node| {
        let mut session = pair.join(node, &json!({"user": "alice", "send": "any"})).await;
        let mut caller = pair.caller(node).await;
        caller.ask("GET", "/v1/users/alice", &Value::Null).await;
        let old = pair.known(&VERSIONS);

        pair.renew();
        node.running.read_again().unwrap();
        // Who knows only the old one turns away; the new one is what there is.
        assert!(shake(&old, socket(node).await).await.is_err());
        converses(node, &pair, &mut session).await;
        session.in_step().await;
        assert_eq!(caller.ask("GET", "/v1/users/alice", &Value::Null).await["live"], 1);
        pair.caller(node).await.ask("GET", "/v1/users/alice", &Value::Null).await;
    });
}

#[test]
fn c3_c11_a_broken_certificate_changes_nothing_while_a_node_runs() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let files = pair.files();
        let whole = fs::read_to_string(&files.cert).unwrap();
        let shown = files.cert.display().to_string();
        for broken in ["", &whole[..whole.len() / 2]] {
            fs::write(&files.cert, broken).unwrap();
            let told = node.running.read_again().unwrap_err().to_string();
            assert!(told.contains(&shown) && told.lines().count() == 1, "{told}");
            pair.caller(node).await.ask("GET", "/v1/users/alice", &Value::Null).await;
        }
        fs::remove_file(&files.cert).unwrap();
        let told = node.running.read_again().unwrap_err().to_string();
        assert!(told.starts_with(&format!("cannot read {shown}: ")), "{told}");
        pair.caller(node).await.ask("GET", "/v1/users/alice", &Value::Null).await;
        fs::write(&files.cert, whole).unwrap();
        node.running.read_again().unwrap();
    });
}

#[test]
fn c3_a_node_does_not_start_with_a_certificate_and_the_key_of_another() {
    let (one, other) = (Pair::new(), Pair::new());
    let mut files = one.files();
    files.key = other.files().key;
    let listener = serve::bind(([127, 0, 0, 1], 0).into()).unwrap();
    match serve::start(Config { tls: Some(files.clone()), ..config() }, vec![listener]) {
        Err(Failed::Tls(unusable)) => {
            let told = unusable.to_string();
            assert!(told.contains(&*files.key.to_string_lossy()), "{told}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_that_goes_away_ends_tls_in_good_order() {
    let pair = Pair::new();
    with_node(pair.config(), async |node| {
        let mut session = pair.join(node, &json!({"user": "alice"})).await;
        node.running.drain().await;
        session.typed("closing").await;
        session.closed_with(4000, "drain").await;
    });
}
