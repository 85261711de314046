//! Sending: each send settles, and none becomes two messages.

use std::time::Duration;

use serde_json::{Value, json};
use usher_client::{End, Halt, Outgoing, Pace, SendError, Target};

use crate::fake::{Fake, id, quick, soon};

fn accepted(send: &Value, number: u64) -> Value {
    json!({"type": "reply", "ref": send["ref"], "id": id('m', number)})
}

#[tokio::test]
async fn a_send_settles_with_what_the_server_says() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let ring = Outgoing::new("bob", &json!({"ring": true}))
        .to(Target::Active)
        .ttl(Duration::from_secs(30))
        .key("k1");
    let (first, second) = (client.session.send_as(ring), client.session.send("carol", &1));
    let send = peer.hear_type("send").await;
    assert_eq!((&send["user"], &send["data"]), (&json!("bob"), &json!({"ring": true})));
    assert_eq!(
        (&send["to"], &send["ttl"], &send["key"]),
        (&json!("active"), &json!(30), &json!("k1"))
    );
    let other = peer.hear_type("send").await;
    let error = json!({"code": "forbidden", "detail": "no"});
    peer.say(&json!({"type": "reply", "ref": other["ref"], "error": error})).await;
    let mut answer = accepted(&send, 7);
    answer["echoed"] = false.into();
    peer.say(&answer).await;
    let sent = soon(first).await.unwrap();
    assert_eq!((sent.id.to_string(), sent.echoed), (id('m', 7), false));
    match soon(second).await {
        Err(SendError::Refused(error)) => assert_eq!(error.code, "forbidden"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reply_that_is_lost_is_asked_for_again_with_the_same_key() {
    let fake = Fake::start().await;
    let client = fake.session();
    // What is sent before there is a socket waits for one.
    let sends = [1, 2, 3].map(|n| client.session.send("bob", &n));
    let mut peer = fake.welcome(1, "p0").await;
    let mut keys = Vec::new();
    for n in 1..=3 {
        let send = peer.hear_type("send").await;
        assert_eq!(send["data"], n);
        keys.push(send["key"].clone());
        if n == 1 {
            peer.say(&accepted(&send, 1)).await;
        }
    }
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0].is_string(), "{keys:?}");
    let token = peer.token();
    let [first, second, third] = sends;
    assert_eq!(soon(first).await.unwrap().id.to_string(), id('m', 1));
    drop(peer);
    let mut peer = fake.resume(1, &token, "p0").await;
    for n in 2..=3 {
        let send = peer.hear_type("send").await;
        assert_eq!(
            (&send["data"], &send["key"]),
            (&json!(n), &keys[usize::try_from(n).unwrap() - 1])
        );
        peer.say(&accepted(&send, n)).await;
    }
    assert_eq!(soon(second).await.unwrap().id.to_string(), id('m', 2));
    assert_eq!(soon(third).await.unwrap().id.to_string(), id('m', 3));
}

#[tokio::test]
async fn a_send_that_the_server_puts_off_is_tried_again() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    let sending = client.session.send("bob", &1);
    let send = peer.hear_type("send").await;
    let error = json!({"code": "rate-limited", "detail": "slowly", "retry_ms": 20});
    peer.say(&json!({"type": "reply", "ref": send["ref"], "error": error})).await;
    let again = peer.hear_type("send").await;
    assert_eq!(again, send);
    peer.say(&accepted(&again, 1)).await;
    soon(sending).await.unwrap();
}

#[tokio::test]
async fn every_send_settles_also_when_nothing_goes() {
    let fake = Fake::start().await;
    let pace = Pace { send_max: Duration::from_millis(100), ..quick() };
    let client = fake.session_with(pace);
    // Nobody answers, so there is no socket for it.
    assert_eq!(soon(client.session.send("bob", &1)).await, Err(SendError::NotSent(Halt::TimedOut)));
    let dots = Outgoing::new("bob", &1).volatile();
    assert_eq!(soon(client.session.send_as(dots)).await, Err(SendError::NotSent(Halt::NoSocket)));
    let mut peer = fake.welcome(1, "p0").await;
    client.live().await;
    let unanswered = client.session.send("bob", &2);
    peer.hear_type("send").await;
    assert_eq!(soon(unanswered).await, Err(SendError::Unanswered(Halt::TimedOut)));

    let cut_short = client.session.send("bob", &3);
    peer.hear_type("send").await;
    peer.close(4410, "closed-by-backend").await;
    assert_eq!(soon(cut_short).await, Err(SendError::Unanswered(Halt::Ended)));
    assert!(matches!(soon(client.session.ended()).await, End::Closed(_)));
    assert_eq!(soon(client.session.send("bob", &4)).await, Err(SendError::NotSent(Halt::Ended)));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before_it_is() {
    let fake = Fake::start().await;
    let client = fake.session();
    let long = "x".repeat(70_000);
    let ok = || Outgoing::new("bob", &1);
    for (outgoing, why) in [
        (Outgoing::new("", &1), "user must not be empty"),
        (Outgoing::new("bob", &long), "data must have at most 64 KiB"),
        (ok().ttl(Duration::ZERO), "ttl must be 1 s to 30 days"),
        (ok().key(""), "key must have 1 to 255 bytes"),
        (ok().key("").volatile(), "key must have 1 to 255 bytes"),
    ] {
        let error = soon(client.session.send_as(outgoing)).await.unwrap_err();
        assert_eq!(error, SendError::Invalid(why.to_owned()));
    }
}

#[tokio::test]
async fn there_is_a_bound_on_what_waits() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut sends: Vec<_> = (0..200).map(|n| Box::pin(client.session.send("bob", &n))).collect();
    let mut full = 0;
    for send in sends.drain(100..) {
        full += usize::from(soon(send).await == Err(SendError::Full));
    }
    assert_eq!(full, 100);
    let mut peer = fake.welcome(1, "p0").await;
    for (n, send) in sends.into_iter().enumerate() {
        let heard = peer.hear_type("send").await;
        assert_eq!(heard["data"], n);
        peer.say(&accepted(&heard, 1)).await;
        soon(send).await.unwrap();
    }
}

#[tokio::test]
async fn a_send_goes_on_without_whoever_asked_for_it() {
    let fake = Fake::start().await;
    let client = fake.session();
    drop(client.session.send("bob", &1));
    let mut peer = fake.welcome(1, "p0").await;
    assert_eq!(peer.hear_type("send").await["data"], 1);
}

#[tokio::test]
async fn a_socket_that_takes_nothing_holds_up_no_wait() {
    let fake = Fake::start().await;
    let client = fake.session_with(Pace { send_max: Duration::from_millis(300), ..quick() });
    let _peer = fake.welcome(1, "p0").await;
    client.live().await;
    let long = "x".repeat(60_000);
    let sends: Vec<_> = (0..100).map(|_| client.session.send("bob", &long)).collect();
    for send in sends {
        assert_eq!(soon(send).await, Err(SendError::Unanswered(Halt::TimedOut)));
    }
}

#[tokio::test]
async fn news_are_told_in_their_time() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    client.session.active().await;
    assert_eq!(peer.hear().await, json!({"type": "active"}));
    peer.message(1).await;
    let Some(usher_client::Event::Message(message)) = soon(client.events.next()).await else {
        panic!("no message")
    };
    client.session.ack(&message.position.unwrap()).await;
    assert_eq!(peer.hear().await, json!({"type": "ack", "position": "p1"}));
    assert!(client.session.say(r#"{"type":"dance"}"#).await);
    assert_eq!(peer.hear().await, json!({"type": "dance"}));
}
