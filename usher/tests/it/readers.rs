//! Readers: sessions that stop reading while megabytes are sent to them, and the memory of their node.

use serde_json::{Value, json};

use crate::{
    crowd::{Came, Member, Welcomed, threads},
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
        println!(
            "{} KiB before, {} at most, {} after; {to_both}",
            before / KIB,
            most / KIB,
            after / KIB
        );
        assert!(most <= before + GAIN_MAX, "{before} before, {most} at most, {after} after");
        assert!(to_both < MESSAGES, "it was parked");

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
