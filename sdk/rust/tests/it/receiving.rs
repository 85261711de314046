//! Receiving: each message once and in order, gaps in their place, and a slow app.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use usher_client::{Event, Events, GapReason, Raw, Session};

use crate::fake::{Client, Fake, PATIENCE, id, message, quick, soon};

#[tokio::test]
async fn a_message_that_comes_twice_is_shown_once() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    for number in [1, 2, 1, 2, 2, 3] {
        peer.message(number).await;
    }
    let token = peer.token();
    drop(peer);
    // Also over the next socket, and marked as replayed.
    let mut peer = fake.resume(1, &token, "p3").await;
    for number in [2, 3, 4] {
        let mut again = message(number);
        again["replayed"] = true.into();
        peer.say(&again).await;
    }
    peer.say(&json!({"type": "caught_up", "position": "p4"})).await;
    assert_eq!(client.numbers(4).await, [1, 2, 3, 4]);
    peer.message(5).await;
    assert_eq!(client.number().await, 5);
}

#[tokio::test]
async fn a_gap_stands_where_messages_are_missing() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    peer.message(1).await;
    peer.say(&json!({"type": "gap", "after": "p1", "until": "p6", "reason": "overflow"})).await;
    peer.message(7).await;
    assert_eq!(client.number().await, 1);
    let Some(Event::Gap(gap)) = soon(client.events.next()).await else { panic!("no gap") };
    assert_eq!((gap.after.as_str(), gap.until.as_str()), ("p1", "p6"));
    assert_eq!(gap.reason, GapReason::Overflow);
    assert_eq!(client.number().await, 7);
}

#[tokio::test]
async fn data_that_is_not_what_the_app_knows_is_shown_as_it_is() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let mut strange = message(1);
    strange["data"] = json!({"n": 1});
    peer.say(&strange).await;
    peer.message(2).await;
    match soon(client.events.next()).await {
        Some(Event::Unreadable { message, error }) => {
            assert_eq!(message.data.get(), r#"{"n":1}"#);
            assert!(error.contains("expected u64"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(client.number().await, 2);
}

#[tokio::test]
async fn raw_data_keeps_its_digits_and_its_order() {
    const DATA: &str = r#"{"b":1.10, "a":123456789012345678901234567890,"b":2}"#;
    let fake = Fake::start().await;
    let ticket = |_| std::future::ready(Ok(id('t', 1).parse().unwrap()));
    let builder = Session::builder(fake.url.as_str()).ticket(ticket);
    let (_session, mut events): (_, Events<Raw>) = builder.start().unwrap();
    let mut peer = fake.welcome(1, "p0").await;
    let frame = format!(r#"{{"type":"message","id":"{}","data":{DATA},"at":1}}"#, id('m', 1));
    peer.socket.send(Message::text(frame)).await.unwrap();
    // As a stream, which it is as well.
    match soon(StreamExt::next(&mut events)).await {
        Some(Event::Message(message)) => assert_eq!(message.data.get(), DATA),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn frames_that_come_byte_by_byte_are_frames() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let text = message(1).to_string();
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 126][..], &length, text.as_bytes()].concat();
    let stream = peer.socket.get_mut();
    stream.set_nodelay(true).unwrap();
    for byte in frame {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.number().await, 1);
}

#[tokio::test]
async fn what_is_not_known_is_no_fault() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    peer.say(&json!({"type": "dance", "step": 1})).await;
    let mut strange = message(1);
    strange["colour"] = json!(["red"]);
    peer.say(&strange).await;
    assert_eq!(client.number().await, 1);
}

#[tokio::test]
async fn an_app_that_takes_nothing_lets_nothing_be_read_and_loses_nothing() {
    const MANY: u64 = 3000;
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let token = peer.token();
    // Until the socket takes no more: the app has not asked for a single event.
    let filler = "x".repeat(20_000);
    let mut written = 0;
    while written < MANY {
        let mut one = message(written + 1);
        one["filler"] = filler.as_str().into();
        let writing = peer.socket.send(Message::text(one.to_string()));
        match tokio::time::timeout(PATIENCE / 60, writing).await {
            Ok(sent) => sent.unwrap(),
            Err(_) => break,
        }
        written += 1;
    }
    assert!(written < MANY, "it reads without end");
    // The server has seen enough of so slow a session.
    drop(peer);
    let taking = tokio::spawn(async move {
        let numbers = client.numbers(usize::try_from(MANY).unwrap()).await;
        (client, numbers)
    });
    let mut peer = fake.peer().await;
    let (token_shown, after) = (peer.offers[1].clone(), peer.offers[2].clone());
    assert_eq!(token_shown, format!("resume.{token}"));
    let after: u64 = after.strip_prefix("after.p").unwrap().parse().unwrap();
    assert!(after <= written);
    peer.welcome(1, &format!("p{after}"), true).await;
    for number in after + 1..=MANY {
        peer.message(number).await;
    }
    let (_client, numbers) = soon(taking).await.unwrap();
    assert_eq!(numbers, (1..=MANY).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_wait_for_an_event_that_is_given_up_loses_none() {
    let fake = Fake::start().await;
    let mut client: Client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < 200 {
        if sent < 200 {
            sent += 1;
            peer.message(sent).await;
        }
        tokio::select! {
            biased;
            event = client.events.next() => match event {
                Some(Event::Message(message)) => got.push(message.data),
                other => panic!("{other:?}"),
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(got, (1..=200).collect::<Vec<u64>>());
    let _ = quick();
}
