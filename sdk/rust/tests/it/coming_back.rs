//! Coming back: with the right thing, whatever became of the socket.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use usher_client::{Cause, End, Event, GapReason, NoTicket, Pace, Reason, Session, State, Ticket};

use crate::fake::{Client, Fake, Peer, id, quick, soon};

#[tokio::test]
async fn a_socket_lost_in_any_way_is_resumed_without_a_ticket() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    assert_eq!(client.reason().await, Reason::Initial);
    peer.message(1).await;
    assert_eq!(client.number().await, 1);

    // It vanishes, in the midst of a frame even.
    let token = peer.token();
    peer.socket.get_mut().write_all(&[0x81, 100, b'{']).await.unwrap();
    drop(peer);
    let mut peer = fake.resume(1, &token, "p1").await;
    peer.message(2).await;
    assert_eq!(client.number().await, 2);

    // It is reset.
    let token = peer.token();
    peer.socket.get_ref().set_zero_linger().unwrap();
    drop(peer);
    let mut peer = fake.resume(1, &token, "p2").await;

    // It is closed with a code that says to resume, or with one that says nothing.
    for (n, code) in (3..).zip([4000, 4001, 4002, 4003, 1001, 1011, 3000]) {
        peer.message(n).await;
        assert_eq!(client.number().await, n);
        let token = peer.token();
        peer.close(code, "").await;
        peer = fake.resume(1, &token, &format!("p{n}")).await;
    }
    client.asked_no_more();
}

#[tokio::test]
async fn a_welcome_that_is_lost_leaves_the_former_token_or_takes_a_new_ticket() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    // The first welcome of all: the ticket may be spent, so it is tried, and then another.
    drop(fake.peer().await);
    let peer = fake.peer().await;
    assert_eq!(peer.offers[1], format!("ticket.{}", id('t', 1)));
    peer.close(4201, "ticket-spent").await;
    let mut peer = fake.peer().await;
    assert_eq!(peer.offers[1], format!("ticket.{}", id('t', 2)));
    peer.welcome(1, "p0", false).await;
    assert_eq!(client.reason().await, Reason::Initial);
    assert_eq!(client.reason().await, Reason::Spent);

    let token = peer.token();
    drop(peer);
    let lost = fake.peer().await;
    lost.shows_token(&token, "p0");
    drop(lost);
    fake.resume(1, &token, "p0").await;
    client.asked_no_more();
}

#[tokio::test]
async fn each_refusal_of_a_ticket_or_token_is_a_reason_for_a_new_ticket() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    assert_eq!(client.reason().await, Reason::Initial);
    let reasons = [
        (4200, Reason::Expired),
        (4202, Reason::ResumeLost),
        (4203, Reason::TooOld),
        (4204, Reason::Unknown),
        (4205, Reason::TakenOver),
        (1008, Reason::Closed(1008)),
    ];
    for (session, (code, reason)) in (2..).zip(reasons) {
        peer.close(code, "").await;
        assert_eq!(client.reason().await, reason);
        // The new session goes on where the one before was.
        peer = fake.peer().await;
        assert_eq!(peer.offers[2], "after.p0");
        peer.welcome(session, "p0", false).await;
        match soon(client.events.next()).await {
            Some(Event::Gap(gap)) => assert_eq!(gap.reason, GapReason::NewSession),
            other => panic!("no gap but {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_code_that_says_to_stop_ends_it_and_says_who_took_the_place() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let by = json!({"session": id('s', 2), "device": "phone", "at": 1});
    peer.say(&json!({"type": "closing", "code": 4409, "by": by})).await;
    peer.close(4409, "replaced").await;
    let End::Closed(closed) = soon(client.session.ended()).await else { panic!("it goes on") };
    assert_eq!((closed.code, closed.reason.as_str()), (4409, "replaced"));
    assert_eq!(closed.by.unwrap().session.to_string(), id('s', 2));
    let mut events = client.events;
    assert!(soon(events.next()).await.is_none());
}

#[tokio::test]
async fn a_half_open_socket_is_not_waited_for() {
    let fake = Fake::start().await;
    let client = fake.session_with(Pace { connect_max: Duration::from_millis(100), ..quick() });
    // One that is accepted and never answered, and one whose handshake is answered and no more.
    let silent = fake.tcp().await;
    let mute = fake.peer().await;
    let _peer = fake.welcome(1, "p0").await;
    client.live().await;
    mute.gone().await;
    drop(silent);
}

#[tokio::test]
async fn a_socket_on_which_nothing_comes_any_more_is_asked_and_given_up() {
    let fake = Fake::start().await;
    let _client = fake.session_with(Pace { silence: Duration::from_millis(100), ..quick() });
    let mut peer = fake.peer().await;
    peer.welcome_pinging(1, "p0", false, 100).await;
    // An answer keeps it.
    peer.hear_type("ping").await;
    peer.say(&json!({"type": "pong"})).await;
    // So does anything else.
    peer.hear_type("ping").await;
    peer.message(1).await;
    peer.hear_type("ping").await;
    let token = peer.token();
    // From here on nothing comes, though the socket is open.
    fake.resume(1, &token, "p1").await;
    peer.gone().await;
}

#[tokio::test]
async fn a_ping_is_answered() {
    let fake = Fake::start().await;
    let _client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    peer.say(&json!({"type": "ping"})).await;
    peer.hear_type("pong").await;
}

#[tokio::test]
async fn a_node_that_drains_keeps_its_session_until_it_closes() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    peer.say(&json!({"type": "closing", "code": 4000, "retry_ms": 200})).await;
    peer.message(1).await;
    assert_eq!(client.number().await, 1);
    let sending = client.session.send("bob", &2);
    let send = peer.hear_type("send").await;
    peer.say(&json!({"type": "reply", "ref": send["ref"], "id": id('m', 9)})).await;
    assert_eq!(soon(sending).await.unwrap().id.to_string(), id('m', 9));
    let token = peer.token();
    peer.close(4000, "drain").await;
    fake.resume(1, &token, "p1").await;
}

#[tokio::test]
async fn what_the_server_asks_for_is_waited() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.peer().await;
    peer.say(&json!({"type": "closing", "code": 4003, "retry_ms": 40_000})).await;
    peer.close(4003, "overloaded").await;
    let state = client.state(|state| matches!(state, State::Waiting { .. })).await;
    let State::Waiting { wait, cause: Cause::Closed(closed) } = state else { panic!("{state:?}") };
    assert_eq!(closed.code, 4003);
    // The close may have come some time after the notice.
    assert!(wait > Duration::from_secs(20), "{wait:?}");
}

#[tokio::test]
async fn an_answer_that_is_no_websocket_is_a_reason_to_wait() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut stream = fake.tcp().await;
    let mut head = [0; 4096];
    assert!(stream.read(&mut head).await.unwrap() > 0);
    let answer = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    let state = client.state(|state| matches!(state, State::Waiting { .. })).await;
    let State::Waiting { wait, cause: Cause::Unreachable(why) } = state else {
        panic!("{state:?}")
    };
    assert!(why.contains("503"), "{why}");
    assert!(wait >= Duration::from_secs(29), "{wait:?}");
}

#[tokio::test]
async fn without_a_server_it_tries_until_there_is_one() {
    let fake = Fake::start().await;
    let address = fake.url.strip_prefix("ws://").unwrap().to_owned();
    let url = fake.url.clone();
    drop(fake);
    let client = Client::start(Session::builder(url.as_str()).pace(quick()));
    client
        .state(|state| matches!(state, State::Waiting { cause: Cause::Unreachable(_), .. }))
        .await;
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut peer = Peer::shake_hands(stream).await;
    peer.welcome(1, "p0", false).await;
    client.live().await;
}

#[tokio::test]
async fn the_app_may_have_no_ticket_now_or_never() {
    let fake = Fake::start().await;
    let builder = Session::builder(fake.url.as_str()).pace(quick());
    let client = Client::start_with(builder, |n| match n {
        1 => Err(NoTicket::from("the backend is down")),
        2 => Ok("not a ticket".parse::<Ticket>()?),
        _ => Err(NoTicket::refused("logged out")),
    });
    assert_eq!(soon(client.session.ended()).await, End::Refused("logged out".to_owned()));
}

#[tokio::test]
async fn a_ticket_that_the_app_never_gives_is_asked_for_again() {
    let fake = Fake::start().await;
    let (told, mut asked) = tokio::sync::mpsc::channel(10);
    let pace = Pace { ticket_max: Duration::from_millis(50), ..quick() };
    let builder = Session::builder(fake.url.as_str()).pace(pace).ticket(move |reason| {
        told.try_send(reason).unwrap();
        std::future::pending()
    });
    let (_session, _events) = builder.start::<u64>().unwrap();
    for _ in 0..3 {
        assert_eq!(soon(asked.recv()).await, Some(Reason::Initial));
    }
}

#[tokio::test]
async fn the_ticket_may_name_where_to_connect() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let urls = vec![other.url.clone()];
    let builder = Session::builder(fake.url.as_str()).pace(quick());
    let _client = Client::start_with(builder, move |n| {
        let ticket = json!({"ticket": id('t', n), "user": "alice", "urls": urls});
        Ok(serde_json::from_value(ticket)?)
    });
    drop(other.welcome(1, "p0").await);
    drop(other);
    // It is not there any more, so the app's own address is tried.
    fake.peer().await;
}

#[tokio::test]
async fn the_app_may_want_another_socket() {
    let fake = Fake::start().await;
    let client = fake.session();
    let peer = fake.welcome(1, "p0").await;
    client.live().await;
    let token = peer.token();
    client.session.reconnect_after(Duration::ZERO).await;
    fake.resume(1, &token, "p0").await;
    peer.gone().await;
}

#[tokio::test]
async fn a_position_from_an_earlier_process_is_gone_on_from() {
    let fake = Fake::start().await;
    let builder = Session::builder(fake.url.as_str()).pace(quick());
    let position = usher_client::Position::parse("p7").unwrap();
    let mut client = Client::start(builder.after(position));
    let mut peer = fake.peer().await;
    assert_eq!(peer.offers[2], "after.p7");
    peer.welcome(1, "p7", false).await;
    peer.message(8).await;
    assert_eq!(client.number().await, 8);
}
