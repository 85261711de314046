//! Frames that break RFC 6455, over a real socket: the right close code, and the session is over.

use std::time::Duration;

use kernel::rate::Rate;
use serde_json::{Value, json};
use server::config::{Config, Limits};

use crate::{
    frame::{
        BINARY, CLOSE, Frame, Length, PING, PONG, TEXT, close, head, json as json_frame, masked,
        masked_by,
    },
    node::{Node, config, with_node},
    peer::Session,
};

const MASK: [u8; 4] = [1, 2, 3, 4];
const CONTINUED: u8 = 0x00;
const LAST: u8 = 0x80;
const FIRST: u8 = 0x01;

/// Whole texts that are answered, cut into fragments of these sizes.
fn fragments(text: &[u8], sizes: impl Iterator<Item = usize>) -> Vec<u8> {
    let (mut bytes, mut rest, mut first) = (Vec::new(), text, FIRST);
    for size in sizes {
        let (part, more) = rest.split_at(size.min(rest.len()));
        rest = more;
        bytes.extend(masked(first, part));
        first = CONTINUED;
    }
    bytes.extend(masked(first | LAST, rest));
    bytes
}

/// The bytes end the session with this code, and it cannot resume.
async fn check(node: &Node, what: &str, bytes: &[u8], code: u16) {
    let mut session = node.join("alice").await;
    let mut watch = node.watch();
    session.write(bytes).await;
    match session.next().await {
        Some(Frame::Close(Some((told, reason)))) => {
            assert_eq!(told, code, "{what}");
            assert!(!reason.is_empty(), "{what}");
        }
        other => panic!("{what}: {other:?}"),
    }
    session.at_end().await;
    assert_eq!(watch.ended(&session.id).await, code, "{what}");
    let mut back = node.try_resume(&session.token, &session.position).await;
    back.closed_with(4202, "cannot-resume").await;
}

/// The bytes are one frame or several that are answered by one `pong`.
async fn answered(session: &mut Session, what: &str, bytes: &[u8]) {
    session.write(bytes).await;
    assert_eq!(session.text().await, r#"{"type":"pong"}"#, "{what}");
}

#[test]
fn f1_f2_f3_f4_f5_f18_f24_frames_that_are_none() {
    with_node(config(), async |node| {
        check(node, "unmasked", b"\x81\x05hello", 1002).await;
        check(node, "unmasked and empty", b"\x81\x00", 1002).await;
        for bit in [0x40, 0x20, 0x10] {
            for first in [TEXT, PING, CLOSE, FIRST] {
                check(node, "reserved bit", &masked(first | bit, b"{}"), 1002).await;
            }
        }
        for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
            check(node, "reserved opcode", &masked(LAST | opcode, b""), 1002).await;
        }
        for first in [PING, PONG, CLOSE] {
            check(node, "long", &masked(first, &[b'x'; 126]), 1002).await;
            check(node, "fragmented", &masked(first & !LAST, b"x"), 1002).await;
        }
        check(node, "nothing to continue", &masked(LAST, b"x"), 1002).await;
        check(node, "nothing to continue", &masked(CONTINUED, b"x"), 1002).await;
        let inside = [masked(FIRST, b"{"), masked(TEXT, b"{}")].concat();
        check(node, "a text inside another", &inside, 1002).await;
        let inside = [masked(FIRST, b"{"), masked(FIRST, b"{}")].concat();
        check(node, "a text begun inside another", &inside, 1002).await;
        check(node, "binary", &masked(BINARY, b"{}"), 1003).await;
        check(node, "HTTP", b"GET / HTTP/1.1\r\nHost: usher\r\n\r\n", 1002).await;
    });
}

#[test]
fn f6_f7_f8_lengths_are_judged_at_the_head() {
    const MOST: u64 = 80 * 1024;
    with_node(config(), async |node| {
        for (length, code) in [
            (1 << 63, 1002),
            (u64::MAX, 1002),
            ((1 << 63) - 1, 1009),
            (1 << 32, 1009),
            (MOST + 1, 1009),
        ] {
            let head = head(TEXT, length, Length::In64, MASK);
            check(node, &format!("{length} bytes"), &head, code).await;
        }
        check(node, "5 in 16 bits", &head(TEXT, 5, Length::In16, MASK), 1002).await;
        check(node, "125 in 16 bits", &head(TEXT, 125, Length::In16, MASK), 1002).await;
        check(node, "5 in 64 bits", &head(TEXT, 5, Length::In64, MASK), 1002).await;
        check(node, "65535 in 64 bits", &head(TEXT, 65_535, Length::In64, MASK), 1002).await;
        let part = masked(FIRST, &[b' '; 50 * 1024]);
        let sum = [part, head(CONTINUED, MOST - 50 * 1024 + 1, Length::In16, MASK)].concat();
        check(node, "a sum", &sum, 1009).await;

        // Up to the bound all is well.
        let mut session = node.join("alice").await;
        let text = |bytes: usize| {
            let ping = r#"{"type":"ping"}"#;
            format!("{}{ping}", " ".repeat(bytes - ping.len())).into_bytes()
        };
        for bytes in [125, 126, 127, 65_535, 65_536, 80 * 1024] {
            answered(&mut session, "whole", &masked(TEXT, &text(bytes))).await;
        }
        let parts = fragments(&text(80 * 1024), [20 * 1024, 60 * 1024].into_iter());
        answered(&mut session, "in two", &parts).await;
    });
}

#[test]
fn f9_fragments_are_counted() {
    with_node(config(), async |node| {
        let ping = br#"{"type":"ping"}"#;
        let mut session = node.join("alice").await;
        let sixty_four = fragments(ping, std::iter::repeat_n(0, 63));
        answered(&mut session, "64 fragments", &sixty_four).await;
        let by_one = fragments(ping, std::iter::repeat_n(1, 15));
        answered(&mut session, "by one", &by_one).await;
        // Control frames may stand between them.
        let mut between = masked(FIRST, &ping[..4]);
        between.extend(masked(PONG, b"between"));
        between.extend(masked(LAST, &ping[4..]));
        answered(&mut session, "with a pong between", &between).await;

        let sixty_five = fragments(ping, std::iter::repeat_n(0, 64));
        check(node, "65 fragments", &sixty_five, 1008).await;
        let mut endless = masked(FIRST, b"");
        for _ in 0..10_000 {
            endless.extend(masked(CONTINUED, b""));
        }
        check(node, "endless empty ones", &endless, 1008).await;
        let ones = fragments(&[b' '; 200], std::iter::repeat_n(1, 200));
        check(node, "endless ones of a byte", &ones, 1008).await;
    });
}

#[test]
fn f10_a_message_must_be_whole_in_time() {
    let limits = Limits { message_wait: Duration::from_secs(1), ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let whole = json_frame(&json!({"type": "ping"}));
        check(node, "half a head", &whole[..1], 1008).await;
        check(node, "a head", &whole[..6], 1008).await;
        check(node, "half a payload", &whole[..9], 1008).await;
        check(node, "all but a byte", &whole[..whole.len() - 1], 1008).await;
        check(node, "a fragment", &masked(FIRST, b"{"), 1008).await;
        check(node, "half a pong", &masked(PONG, b"12345")[..8], 1008).await;

        // Neither trickling nor control frames in between win any time.
        let mut session = node.join("alice").await;
        session.write(&masked(FIRST, b"{")).await;
        let mut pongs = 0;
        let last = loop {
            session.write(&masked(CONTINUED, b"")).await;
            session.write(&masked(PING, b"still here")).await;
            match session.next().await {
                Some(Frame::Pong(_)) if pongs < 60 => pongs += 1,
                Some(other) => break other,
                None => panic!("no word"),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        assert_eq!(last, Frame::Close(Some((1008, "message not finished in time".to_owned()))));

        // Each message has a time of its own.
        let mut session = node.join("alice").await;
        for _ in 0..5 {
            let (one, two) = whole.split_at(7);
            session.write(one).await;
            tokio::time::sleep(Duration::from_millis(250)).await;
            answered(&mut session, "in two reads", two).await;
        }
        session.in_step().await;
    });
}

#[test]
fn f11_f12_text_is_utf8() {
    const BAD: [&[u8]; 7] = [
        b"\xC0\xAF",
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\x80",
        b"\xFF",
        b"\xE2\x82(",
        b"\xF0\x9F\x98",
    ];
    with_node(config(), async |node| {
        for bad in BAD {
            check(node, "whole", &masked(TEXT, &[b"{\"type\":\"", bad].concat()), 1007).await;
            let cut = fragments(&[b"{\"", bad].concat(), [2].into_iter());
            check(node, "in fragments", &cut, 1007).await;
        }
        // At the first bad byte, though its message goes on.
        for bad in &BAD[..6] {
            let payload = [b"{\"type\":\"", *bad, &[b'x'; 100]].concat();
            let frame = masked(TEXT, &payload);
            check(node, "in mid-frame", &frame[..6 + 9 + bad.len()], 1007).await;
            check(node, "in mid-message", &masked(FIRST, &payload), 1007).await;
        }
        let mut session = node.join("alice").await;
        let text = "{\"type\":\"ping\",\"x\":\"żółw 😀\"}".as_bytes();
        for at in 0..=text.len() {
            answered(&mut session, "cut there", &fragments(text, [at].into_iter())).await;
        }
        for at in 1..text.len() {
            let frame = masked(TEXT, text);
            session.write(&frame[..at]).await;
            answered(&mut session, "read there", &frame[at..]).await;
        }
    });
}

#[test]
fn f13_f14_f15_f16_closing() {
    with_node(config(), async |node| {
        check(node, "a body of one byte", &masked(CLOSE, b"\x03"), 1002).await;
        for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
            check(node, &format!("code {code}"), &close(code, b""), 1002).await;
        }
        check(node, "bad reason", &close(1000, b"\xC0\xAF"), 1007).await;
        check(node, "bad reason", &close(1000, b"\xF0\x9F"), 1007).await;

        // What comes behind a close is not looked at, and there is one answer to it.
        let behind: [&[u8]; 4] = [
            &json_frame(&json!({"type": "send", "ref": "c1", "user": "bob", "data": 1})),
            &close(1001, b"again"),
            b"\x81\x00 not masked",
            &[0xFF; 1000],
        ];
        for behind in behind {
            let mut session = node.join("alice").await;
            session.write(&[&close(3000, "żegnaj".as_bytes()), behind].concat()).await;
            session.closed_with(3000, "").await;
        }
        let mut session = node.join("alice").await;
        session.write(&[masked(FIRST, b"{"), masked(CLOSE, b"")].concat()).await;
        assert_eq!(session.next().await, Some(Frame::Close(None)));
        session.at_end().await;
    });
}

#[test]
fn f17_a_flood_of_pongs_holds_up_no_message_to_others() {
    with_node(Config { shards: 1, ..config() }, async |node| {
        let mut flooder = node.join("mallory").await;
        let mut alice = node.join("alice").await;
        let mut flood = masked(PONG, b"").repeat(1_300_000);
        flood.extend(json_frame(&json!({"type": "ping"})));
        let others = async {
            for number in 0..50 {
                node.send("alice", &json!({"data": number})).await;
                assert_eq!(alice.typed("message").await["data"], number);
            }
        };
        let flooding = async {
            flooder.write(&flood).await;
            flooder.typed("pong").await
        };
        tokio::select! {
            () = others => {}
            last = flooding => panic!("the whole flood was dealt with first: {last}"),
        }
    });
}

#[test]
fn f17_a_flood_of_pings_ends_the_session_and_pongs_do_nothing() {
    let limits = Limits { frames: Rate { per_second: 1, burst: 10 }, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let mut session = node.join("alice").await;
        let mut pongs = Vec::new();
        for _ in 0..5000 {
            pongs.extend(masked(PONG, b"nobody asked"));
        }
        session.write(&pongs).await;
        for number in 0..10_u8 {
            session.write(&masked(PING, &[number; 100])).await;
            assert_eq!(session.next().await, Some(Frame::Pong(vec![number; 100])));
        }
        let mut pings = Vec::new();
        for _ in 0..1000 {
            pings.extend(masked(PING, b""));
        }
        session.write(&pings).await;
        let last = loop {
            match session.next().await {
                // Time passed, and with it came some leave to ping.
                Some(Frame::Pong(_)) => {}
                other => break other,
            }
        };
        assert_eq!(last, Some(Frame::Close(Some((1008, "flood".to_owned())))));
        session.at_end().await;
    });
}

#[test]
fn f21_frames_beyond_the_rate_are_refused_and_not_acted_on() {
    let limits = Limits { frames: Rate { per_second: 1, burst: 5 }, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let mut bob = node.join("bob").await;
        let mut session = node.join_with(&json!({"user": "alice", "send": "any"})).await;
        let send = |n: u32| {
            json_frame(&json!({"type": "send", "ref": format!("c{n}"), "user": "bob", "data": n}))
        };
        for number in 0..5 {
            session.write(&send(number)).await;
            assert!(session.typed("reply").await.get("id").is_some());
            assert_eq!(bob.message().await["data"], number);
        }
        // All at once, so that no time passes.
        session.write(&(5..105).flat_map(&send).collect::<Vec<_>>()).await;
        let mut refused = 0;
        for number in 5..105 {
            let reply = session.typed("reply").await;
            assert_eq!(reply["ref"], format!("c{number}"));
            if reply.get("id").is_some() {
                assert_eq!(bob.message().await["data"], number);
                continue;
            }
            refused += 1;
            let retry_ms = reply["error"]["retry_ms"].as_u64().unwrap();
            assert!((1..=1000).contains(&retry_ms), "{reply}");
            let detail = "at most 1 frames a second";
            let error = json!({"code": "rate-limited", "detail": detail, "retry_ms": retry_ms});
            assert_eq!(reply["error"], error);
        }
        assert!(refused > 90, "{refused} of 100 were refused");
        bob.in_step().await;

        // Without a ref nobody asked for an answer. Kept up, it is a flood.
        let active = json_frame(&json!({"type": "active"}));
        session.write(&active.repeat(2000)).await;
        session.closed_with(1008, "flood").await;
    });
}

#[test]
fn f24_f25_random_bytes_end_the_session_and_an_all_zero_mask_does_not() {
    let limits = Limits { message_wait: Duration::from_millis(100), ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let mut session = node.join("alice").await;
        answered(&mut session, "zero", &masked_by([0; 4], TEXT, br#"{"type":"ping"}"#)).await;

        let seed = match std::env::var("USHER_TEST_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => server::random::below(u64::MAX),
        };
        println!("USHER_TEST_SEED={seed}");
        let mut state = seed | 1;
        let mut random = move || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes()
        };
        for _ in 0..30 {
            let bytes: Vec<u8> = std::iter::repeat_with(&mut random).take(50).flatten().collect();
            let mut session = node.join("alice").await;
            session.write(&bytes).await;
            loop {
                match session.next().await {
                    Some(Frame::Close(Some((code, _)))) => {
                        assert!([1002, 1003, 1007, 1008, 1009].contains(&code), "{code}");
                        break;
                    }
                    Some(Frame::Pong(_) | Frame::Text(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["live"], &user["parked"]), (&json!(1), &json!(0)), "{user}");
    });
}
