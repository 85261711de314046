//! Readers: sessions that stop reading while megabytes are sent to them, and the memory of their node.

use serde_json::{Value, json};

use crate::{
    crowd::{Came, Member, Welcomed, has_descriptors, threads},
    supervised::{Supervised, UNLIMITED, serve},
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of `data` of one message.
const DATA: usize = 8 * KIB;

/// More than 10 MB of them.
const MESSAGES: u64 = 1300;

/// What a node may gain by it. It keeps a stream (1 MiB of `data`) and an outbox (256 KiB of frames)
/// for the reader, the same for another session, and buffers of calls; an allocator takes that and
/// somewhat more from the system. It is a third of what is sent.
const GAIN_MAX: usize = 4 * MIB;

/// What a socket may take before its session is slow: what the system holds for it, and the outbox.
const TAKEN_MAX: usize = MIB;

/// Reads messages up to something else; their numbers, and the last position.
async fn numbers(one: &mut Welcomed) -> (Vec<u64>, Came) {
    let mut numbers = Vec::new();
    loop {
        match one.member.next().await {
            Came::Frame(frame) if frame["type"] == "message" => {
                numbers.push(frame["data"][0].as_u64().expect("a number"));
                one.position = frame["position"].as_str().expect("it is kept").to_owned();
            }
            other => return (numbers, other),
        }
    }
}

fn send(node: &Supervised, number: u64) -> Value {
    let body = json!({"data": [number, "x".repeat(DATA)]});
    node.ask("POST", "/v1/users/alice/messages", &body)
}

#[test]
fn f22_memory_stays_flat_while_megabytes_are_sent_to_a_reader_that_has_stopped() {
    let node = Supervised::start(&mut serve(UNLIMITED));
    let threads = threads();
    let offers = [(); 2].map(|()| node.offer(&json!({"user": "alice"})));
    threads.block_on(async {
        let [brisk, slow] = offers;
        // Once for the buffers and the stream that each user has.
        let mut brisk = Welcomed::dial(node.address, &brisk).await;
        for number in 0..MESSAGES {
            send(&node, number);
            brisk.member.typed("message").await;
        }
        let slow = Member::narrow(node.address, &slow).await;
        let mut slow = Welcomed::of(slow).await;
        let before = node.resident_bytes();
        let (mut most, mut to_both) = (before, 0);
        for number in 0..MESSAGES {
            to_both += u64::from(send(&node, number)["live"] == 2);
            brisk.member.typed("message").await;
            most = most.max(node.resident_bytes());
        }
        let after = node.resident_bytes();
        assert!(most <= before + GAIN_MAX, "{before} before, {most} at most, {after} after");
        assert!(to_both * DATA as u64 <= TAKEN_MAX as u64, "parked after {to_both} messages only");

        // What it was sent lies in its socket, whole and in order, up to the close.
        let (read, end) = numbers(&mut slow).await;
        assert!(matches!(end, Came::Close(4001)), "{end:?}");
        assert_eq!(read, (0..read.len() as u64).collect::<Vec<_>>());
        // The rest comes when it is back, as far as the stream goes; what is missing is told.
        let resume = slow.resume();
        let mut back = Welcomed::dial(node.address, &resume).await;
        let gap = back.member.typed("gap").await;
        assert_eq!((&gap["after"], &gap["reason"]), (&json!(slow.position), &json!("overflow")));
        let (rest, end) = numbers(&mut back).await;
        assert!(matches!(&end, Came::Frame(frame) if frame["type"] == "caught_up"), "{end:?}");
        let first = rest[0];
        assert_eq!(rest, (first..MESSAGES).collect::<Vec<_>>());
        assert!(rest.len() * DATA > MIB * 9 / 10, "nearly all that a stream holds: {}", rest.len());
    });
}

/// Readers that stop at once.
const MANY: usize = 200;

/// Address space of the process, in KiB: some of which nobody uses, and what the budget is a share of.
const SPACE: usize = 3_000_000;

/// One per cent of it for all outboxes, which could hold three times as much.
const BUDGET: usize = SPACE * KIB / 100;
const OUTBOX: usize = 512 * KIB;
const _: () = assert!(MANY * OUTBOX > 3 * BUDGET);

/// What a node may gain beyond the budget: what an allocator rounds up, sessions, buffers of calls, and
/// the frames that were begun on sockets which are closing. Without the budget it would be far more.
const BESIDE_MAX: usize = 40 * MIB;
const _: () = assert!(BUDGET + BESIDE_MAX < MANY * OUTBOX * 3 / 4);

/// Bytes that wait in outboxes, by the node's own count.
fn outbox_bytes(node: &Supervised) -> usize {
    let metrics = node.ask("GET", "/metrics", &Value::Null);
    let metrics = metrics.as_str().expect("they are text");
    let line = metrics.lines().find_map(|line| line.strip_prefix("usher_outbox_bytes "));
    let bytes = line.and_then(|bytes| bytes.parse().ok());
    bytes.unwrap_or_else(|| panic!("no bytes of outboxes: {metrics}"))
}

/// Reads up to a message that is kept, if need be in another socket.
async fn comes_to_it(node: &Supervised, mut one: Welcomed, id: &Value) -> Option<u16> {
    let mut parked = None;
    loop {
        match one.member.next().await {
            Came::Frame(frame) if frame["id"] == *id => return parked,
            Came::Frame(frame) if frame["type"] == "gap" => panic!("{frame}"),
            Came::Frame(_) => {}
            Came::Close(code) if parked.is_none() => {
                parked = Some(code);
                one = Welcomed::dial(node.address, &one.resume()).await;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f22_many_readers_that_have_stopped_stay_within_what_all_outboxes_may_hold() {
    if !has_descriptors(MANY as u64) {
        return;
    }
    let node = Supervised::start(
        serve(&format!("ulimit -v {SPACE}"))
            .env("USHER_LIMITS__OUTBOXES_PERCENT", "1")
            .env("USHER_LIMITS__OUTBOX_BYTES", OUTBOX.to_string()),
    );
    let users: Vec<String> = (0..MANY).map(|n| format!("u{n}")).collect();
    let offers: Vec<_> = users.iter().map(|user| node.offer(&json!({"user": user}))).collect();
    threads().block_on(async {
        let mut crowd = Vec::new();
        for offer in offers {
            crowd.push(Welcomed::of(Member::narrow(node.address, &offer).await).await);
        }
        let before = node.resident_bytes();
        // Skips the streams, which would be most of what is held otherwise. Ends when nothing more
        // comes to wait: each session is full, or parked.
        let body = json!({"users": users, "data": "x".repeat(60 * KIB), "volatile": true});
        let (mut most, mut waiting) = (before, 0);
        for _ in 0..20 {
            node.ask("POST", "/v1/messages", &body);
            waiting = waiting.max(outbox_bytes(&node));
            most = most.max(node.resident_bytes());
        }
        assert!(waiting <= BUDGET, "{waiting} bytes waited, of {BUDGET}");
        assert!(waiting >= BUDGET / 2, "so few slow readers are all that it holds: {waiting}");
        assert!(most <= before + BUDGET + BESIDE_MAX, "{before} before, {most} at most");

        // Nobody was parked for nothing, and nobody misses what is kept.
        let body = json!({"users": users, "data": "kept"});
        let sent = node.ask("POST", "/v1/messages", &body);
        let mut parked = 0;
        for (one, sent) in crowd.into_iter().zip(sent["results"].as_array().expect("a list")) {
            match comes_to_it(&node, one, &sent["id"]).await {
                None => {}
                Some(4001) => parked += 1,
                Some(other) => panic!("{other}"),
            }
        }
        assert!((1..MANY).contains(&parked), "{parked} were parked");
    });
}
