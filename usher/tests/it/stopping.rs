//! Stopping: a process that is told to end, and has thousands of sessions.

use std::{io::Write, net::TcpStream, time::Duration};

use protocol::time::Timestamp;
use serde_json::{Value, json};
use server::clock::Clock;

use crate::{
    crowd::{Came, Member, Welcomed, a_moment, gather, has_descriptors, soon, threads},
    served::KEY,
    supervised::{Supervised, draining},
};

const MANY: usize = 5000;
const WINDOW: Duration = Duration::from_secs(3);
const DELAY: Duration = Duration::from_secs(2);

/// Beyond window and delay: what a process may take to be gone.
const SLACK: Duration = Duration::from_secs(2);

/// One in so many leaves as soon as it is told.
const LEAVES: usize = 50;

fn ms_since(at: Timestamp) -> u64 {
    Clock::timestamp().0.saturating_sub(at.0)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a short time")
}

/// When a session was told to leave, and how soon; and when its socket was closed.
struct Fate {
    told_at: u64,
    retry_ms: u64,
    closed_at: Option<u64>,
}

/// Is a session until its node closes it, or it leaves.
async fn fate(number: usize, mut one: Welcomed, began: Timestamp) -> Fate {
    let closing = one.member.typed("closing").await;
    assert_eq!(closing["code"], 4000);
    let told_at = ms_since(began);
    let retry_ms = closing["retry_ms"].as_u64().expect("it says when to come back");
    if number.is_multiple_of(LEAVES) {
        drop(one);
        return Fate { told_at, retry_ms, closed_at: None };
    }
    one.member.closed_with(4000).await;
    Fate { told_at, retry_ms, closed_at: Some(ms_since(began)) }
}

/// When `/readyz` first fails.
async fn unready(node: &Supervised, began: Timestamp) -> u64 {
    loop {
        let (status, _) = tokio::task::block_in_place(|| node.call("GET", "/readyz", &Value::Null));
        match status {
            200 => a_moment().await,
            503 => return ms_since(began),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_node_that_is_told_to_stop_sends_thousands_away_in_pace() {
    if !has_descriptors(MANY as u64) {
        return;
    }
    let node = Supervised::start(&mut draining(
        &format!("{}ms", WINDOW.as_millis()),
        &format!("{}ms", DELAY.as_millis()),
    ));
    let offers = (0..MANY).map(|n| node.offer(&json!({"user": format!("u{n}"), "ttl": 600})));
    let offers: Vec<String> = offers.collect();
    let threads = threads();
    let (began, fates, first_unready) = threads.block_on(async {
        let mut crowd = gather(node.address, offers).await;
        let early = crowd.pop().expect("there are many");
        node.program.terminate();
        let began = Clock::timestamp();
        let first_unready = unready(&node, began).await;
        let mut leaving = tokio::task::JoinSet::new();
        for (number, one) in crowd.into_iter().enumerate() {
            leaving.spawn(fate(number, one, began));
        }
        // It is still taken, as load balancers have not noticed yet.
        let resume = early.resume();
        drop(early);
        let mut back = Welcomed::dial(node.address, &resume).await;
        back.member.typed("caught_up").await;
        leaving.spawn(fate(MANY, back, began));
        let mut fates = Vec::new();
        while let Some(fate) = leaving.join_next().await {
            fates.push(fate.expect("no session panics"));
        }
        (began, fates, first_unready)
    });
    let ended = node.end();
    let took = ms_since(began);
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(took <= ms(WINDOW + DELAY + SLACK), "it took {took} ms");
    check(&fates, first_unready);
}

/// Whether all were told and closed as they should be.
fn check(fates: &[Fate], first_unready: u64) {
    let first_told = fates.iter().map(|fate| fate.told_at).min().expect("there are many");
    assert!(first_unready + ms(DELAY) / 2 < first_told, "{first_unready} {first_told}");
    let window = ms(WINDOW);
    // Evenly over the window: each tenth of them in a tenth of it.
    let mut hints: Vec<u64> = fates.iter().map(|fate| fate.retry_ms).collect();
    hints.sort_unstable();
    for tenth in 1..=10 {
        let hint = hints[hints.len() * tenth / 10 - 1];
        let due = window * tenth as u64 / 10;
        assert!(hint.abs_diff(due) <= window / 50, "{tenth} tenths: {hint} ms, not {due}");
    }
    // Each at its time: not before, since it may use the socket until then, and most not much later.
    let stayed = fates.iter().filter_map(|fate| Some((fate, fate.closed_at?)));
    let mut late: Vec<i64> = stayed
        .map(|(fate, closed_at)| {
            // It was told no later than it knows of it.
            let due = i64::try_from(fate.told_at + fate.retry_ms).expect("a short time");
            i64::try_from(closed_at).expect("a short time") - due
        })
        .collect();
    late.sort_unstable();
    let (first, middle) = (late[0], late[late.len() / 2]);
    assert!(first >= -1500 && middle.abs() <= 1000, "{first} {middle}");
}

#[test]
fn a_node_whose_sessions_have_all_left_is_gone_before_the_window_is_over() {
    let node = Supervised::start(&mut draining("10m", "0s"));
    let offers = (0..100).map(|n| node.offer(&json!({"user": format!("u{n}")}))).collect();
    let began = threads().block_on(async {
        let crowd = gather(node.address, offers).await;
        node.program.terminate();
        let began = Clock::timestamp();
        for mut one in crowd {
            one.member.typed("closing").await;
            one.leave().await;
        }
        began
    });
    let ended = node.end();
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(ms_since(began) < 10_000);
    assert_eq!(ended.out.matches("node.down").count(), 1, "{}", ended.out);
}

#[test]
fn who_left_a_node_that_goes_away_is_told_to_try_another() {
    let node = Supervised::start(&mut draining("10m", "0s"));
    let offers = ["alice", "bob"].map(|user| node.offer(&json!({"user": user})));
    threads().block_on(async {
        let [alice, bob] = offers;
        let mut alice = Welcomed::dial(node.address, &alice).await;
        let bob = Welcomed::dial(node.address, &bob).await;
        node.program.terminate();
        alice.member.typed("closing").await;
        let resume = alice.resume();
        drop(alice);
        let mut back = Member::dial(node.address, &resume).await;
        assert!(back.typed("closing").await["retry_ms"].is_u64());
        back.closed_with(4003).await;
        bob.leave().await;
    });
    assert_eq!(node.end().code, Some(0));
}

/// Somebody in the midst of a call, for whom a node waits some seconds when it stops.
fn half_a_call(node: &Supervised) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).expect("it is let in");
    let head = format!(
        "POST /v1/users/alice/messages HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer {KEY}\r\n\
         Expect: 100-continue\r\nContent-Length: 10\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it is taken");
    let mut said = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut said).expect("it is asked to go on");
    assert_eq!(&said, b"HTTP/1.1 100");
    stream
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    // In the midst of the drain.
    let node = Supervised::start(&mut draining("10m", "0s"));
    let call = half_a_call(&node);
    let offer = node.offer(&json!({"user": "alice"}));
    let began = threads().block_on(async {
        let mut alice = Welcomed::dial(node.address, &offer).await;
        node.program.terminate();
        alice.member.typed("closing").await;
        node.program.terminate();
        let began = Clock::timestamp();
        assert!(matches!(alice.member.next().await, Came::End));
        began
    });
    let ended = node.end();
    assert!(ms_since(began) < 2000, "{} ms", ms_since(began));
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    assert!(ended.out.contains("did not close in time"), "{}", ended.out);
    assert_eq!(ended.out.matches("node.down").count(), 1, "{}", ended.out);
    drop(call);

    // When only calls are waited for.
    let node = Supervised::start(&mut draining("0s", "0s"));
    let call = half_a_call(&node);
    node.program.terminate();
    threads().block_on(soon("the door to be shut", async {
        while tokio::net::TcpStream::connect(node.address).await.is_ok() {
            a_moment().await;
        }
    }));
    node.program.terminate();
    let began = Clock::timestamp();
    let ended = node.end();
    assert!(ms_since(began) < 2000, "{} ms", ms_since(began));
    assert_eq!(ended.code, Some(0), "{}", ended.out);
    drop(call);
}
