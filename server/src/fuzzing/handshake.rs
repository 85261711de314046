//! Handshake: bytes as they come from a socket that was just accepted.
//!
//! How they are split over reads does not change what the socket wants. What is taken for a
//! handshake meets RFC 6455, section 4.2.1, by a second reading that is strict about nothing but
//! that, and it proves itself with one thing that it said once.

use std::collections::BTreeSet;

use kernel::registry::Proof;
use protocol::{CONNECT_PATH, SUBPROTOCOL, limit};

use super::{dice::Dice, plain_head::PlainHead};
use crate::{
    door::head::{Head, Looked, Unread, look},
    ws::handshake::{self, Ask},
};

/// In how many random ways an input is cut.
const CUTS: usize = 4;

/// What must hold of bytes from a new socket.
pub fn check(input: &[u8]) {
    let wanted = look_at([input]);
    assert_eq!(look_at(input.chunks(1)), wanted, "byte by byte");
    let mut dice = Dice::of(input);
    for _ in 0..CUTS {
        let reads = dice.cuts(input);
        let lengths: Vec<_> = reads.iter().map(|read| read.len()).collect();
        assert_eq!(look_at(reads), wanted, "in reads of {lengths:?}");
    }
    if let Ok(Some(Head::Session { length })) = wanted {
        let head = &input[..length];
        let ends = head.windows(4).position(|four| four == b"\r\n\r\n");
        assert_eq!(ends, Some(length - 4), "a head ends with its first empty line");
        assert!(length <= limit::HEAD_BYTES_MAX);
        if let Ok(ask) = handshake::read(head) {
            let path = PlainHead::read(head).target.split('?').next().unwrap_or_default();
            assert_eq!(path, CONNECT_PATH, "both see the same path");
            judge(head, &ask);
        }
    }
    // The door never hands these over, but what is told of them must hold all the same.
    if let Ok(ask) = handshake::read(input) {
        judge(input, &ask);
    }
}

fn look_at<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Head>, Unread> {
    let (mut said, mut looked) = (Vec::new(), Looked::default());
    for read in reads {
        said.extend_from_slice(read);
        match look(&said, limit::HEAD_BYTES_MAX, &mut looked) {
            Ok(None) => {}
            found => return found,
        }
    }
    Ok(None)
}

/// Whether a head that was taken for a handshake is one.
fn judge(head: &[u8], ask: &Ask) {
    let plain = PlainHead::read(head);
    assert_eq!((plain.method, plain.version), ("GET", "HTTP/1.1"));
    assert_eq!(plain.behind, b"", "nothing between the head and its end is lost");
    assert_eq!(plain.values("host").len(), 1);
    assert!(plain.items("upgrade").any(|item| item.eq_ignore_ascii_case("websocket")));
    assert!(plain.items("connection").any(|item| item.eq_ignore_ascii_case("upgrade")));
    assert_eq!(plain.values("sec-websocket-version"), ["13"]);
    assert!(plain.values("transfer-encoding").is_empty());
    assert!(plain.values("content-length").iter().all(|length| *length == "0"));

    let [key] = plain.values("sec-websocket-key")[..] else { panic!("one key") };
    let of_key = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let digits = key.strip_suffix("==").expect("16 bytes in base64 end so");
    assert!(digits.len() == 22 && digits.chars().all(of_key), "{key}");
    assert!(digits.ends_with(['A', 'Q', 'g', 'w']), "the last digit has no bits too many: {key}");
    let bare = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    let bare = handshake::read(bare.as_bytes()).expect("it has all that is asked for");
    assert_eq!(ask.accept, bare.accept, "the answer depends on the key alone");
    switching(ask);

    let offered: BTreeSet<&str> = plain.items("sec-websocket-protocol").collect();
    assert_eq!(ask.speaks_usher, offered.contains(SUBPROTOCOL));
    let origins = plain.values("origin");
    match &ask.origin {
        Ok(None) => assert!(origins.is_empty()),
        Ok(Some(origin)) => assert_eq!(origins, [origin.as_str()]),
        Err(_) => assert_eq!(origins.len(), 1),
    }
    if let Ok(proof) = &ask.proof {
        prove(&plain, proof);
    }
}

/// Whether that is the one proof that was given.
fn prove(plain: &PlainHead<'_>, proof: &Proof) {
    let query = plain.target.split_once('?').map_or("", |(_, query)| query);
    let in_query = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let in_protocols =
        plain.items("sec-websocket-protocol").filter_map(|item| item.split_once('.'));
    let said: Vec<(&str, &str)> = in_query.chain(in_protocols).collect();
    let values = |wanted: &str| -> Vec<&str> {
        said.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| *value).collect()
    };
    let (tickets, tokens, after) = (values("ticket"), values("resume"), values("after"));
    match proof {
        Proof::Ticket(ticket, position) => {
            assert_eq!((tickets, tokens.len()), (vec![ticket.to_string().as_str()], 0));
            assert_eq!(after.first().map(|p| (*p).to_owned()), position.map(|p| p.to_string()));
        }
        Proof::Resume(token, position) => {
            assert_eq!((tokens, tickets.len()), (vec![token.to_string().as_str()], 0));
            assert_eq!(after, [position.to_string()]);
        }
    }
    assert!(after.len() <= 1);
}

/// Whether the answer is one that a session takes (section 4.1).
fn switching(ask: &Ask) {
    let answer = handshake::switching(&ask.accept, ask.speaks_usher);
    let lines: Vec<&str> = answer.split("\r\n").collect();
    let protocol = ask.speaks_usher.then(|| format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}"));
    let accept = format!("Sec-WebSocket-Accept: {}", ask.accept);
    let mut expected = vec![
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        accept.as_str(),
    ];
    expected.extend(protocol.as_deref());
    expected.extend(["", ""]);
    assert_eq!(lines, expected);
    let of_accept = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    assert!(ask.accept.len() == 28 && ask.accept.chars().all(of_accept), "20 bytes in base64");
}
