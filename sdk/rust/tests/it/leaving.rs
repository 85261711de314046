//! Leaving: for good, by word or by dropping what a session is for.

use serde_json::json;
use usher_client::{Cause, End, NotStarted, Session, State};

use crate::fake::{Fake, id, quick, soon};

#[tokio::test]
async fn who_leaves_says_so_after_what_was_sent_before() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    client.live().await;
    let sending = client.session.send("bob", &1);
    let session = client.session.clone();
    let leaving = tokio::spawn(async move { session.leave().await });
    let send = peer.hear_type("send").await;
    peer.say(&json!({"type": "reply", "ref": send["ref"], "id": id('m', 1)})).await;
    peer.hear_type("leave").await;
    peer.close(1000, "").await;
    assert_eq!(soon(leaving).await.unwrap(), End::Left);
    soon(sending).await.unwrap();
}

#[tokio::test]
async fn who_drops_the_events_leaves() {
    let fake = Fake::start().await;
    let client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    client.live().await;
    drop(client.events);
    peer.hear_type("leave").await;
    peer.close(1000, "").await;
    assert_eq!(soon(client.session.ended()).await, End::Left);
}

#[tokio::test]
async fn events_alone_keep_a_session() {
    let fake = Fake::start().await;
    let mut client = fake.session();
    let mut peer = fake.welcome(1, "p0").await;
    client.live().await;
    let watch = client.session.watch();
    drop(client.session);
    peer.message(1).await;
    let event = soon(client.events.next()).await;
    assert!(matches!(event, Some(usher_client::Event::Message(_))), "{event:?}");
    drop(client.events);
    peer.hear_type("leave").await;
    assert!(watch.borrow().is_live());
}

#[tokio::test]
async fn a_session_that_has_nothing_to_leave_has_left() {
    let fake = Fake::start().await;
    let (url, pace) = (fake.url.clone(), quick());
    drop(fake);
    let client = crate::fake::Client::start(Session::builder(url).pace(pace));
    client
        .state(|state| matches!(state, State::Waiting { cause: Cause::Unreachable(_), .. }))
        .await;
    assert_eq!(soon(client.session.leave()).await, End::Left);
    assert!(soon(async { client.session.leave().await }).await == End::Left);
}

#[tokio::test]
async fn what_cannot_be_a_session_is_told_at_once() {
    let ticket = |_| std::future::ready(Ok(id('t', 1).parse().unwrap()));
    let start = |builder: usher_client::Builder| builder.start::<u64>().map(|_| ()).unwrap_err();
    let error = start(Session::builder("http://localhost").ticket(ticket));
    assert_eq!(error.to_string(), "http://localhost must begin with ws:// or wss://");
    assert!(matches!(start(Session::builder("ws://localhost")), NotStarted::NoTickets));
    let error = start(Session::builder("ws://localhost").ticket(ticket).root_certificates("x"));
    assert_eq!(error.to_string(), "a certificate cannot be read: there is none in the PEM");
}

#[test]
fn outside_of_a_runtime_it_does_not_start() {
    let ticket = |_| std::future::ready(Ok(id('t', 1).parse().unwrap()));
    let started = Session::builder("ws://localhost").ticket(ticket).start::<u64>();
    assert!(matches!(started, Err(NotStarted::NoRuntime(_))));
}

#[test]
fn a_runtime_that_stops_ends_its_sessions() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (session, sending, _events) = runtime.block_on(async {
        let fake = Fake::start().await;
        let client = fake.session();
        let _peer = fake.welcome(1, "p0").await;
        client.live().await;
        let sending = client.session.send("bob", &1);
        (client.session, sending, client.events)
    });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async {
        assert_eq!(soon(session.ended()).await, End::Aborted);
        assert!(soon(sending).await.is_err());
    });
}
