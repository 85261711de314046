//! Frame: RFC 6455 as a peer speaks it, written anew here so that it shares no mistake.

/// What a server's frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// Code and reason, unless it was empty.
    Close(Option<(u16, String)>),
}

pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

/// How a frame tells its length.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    In7,
    In16,
    In64,
}

/// The head of a masked frame that says this length in this way, whether or not it is right.
pub(crate) fn head(first: u8, length: u64, form: Length, mask: [u8; 4]) -> Vec<u8> {
    let mut head = vec![first];
    match form {
        Length::In7 => head.push(0x80 | u8::try_from(length).unwrap()),
        Length::In16 => {
            head.push(0x80 | 126);
            head.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        Length::In64 => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend(mask);
    head
}

/// A masked frame whose first byte is `first`.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    masked_by([0x37, 0xFA, 0x21, 0x3D], first, payload)
}

/// A frame with this mask.
pub(crate) fn masked_by(mask: [u8; 4], first: u8, payload: &[u8]) -> Vec<u8> {
    let form = match payload.len() {
        ..126 => Length::In7,
        126..0x1_0000 => Length::In16,
        _ => Length::In64,
    };
    let mut frame = head(first, payload.len() as u64, form, mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A frame with one JSON object.
pub(crate) fn json(value: &serde_json::Value) -> Vec<u8> {
    masked(TEXT, value.to_string().as_bytes())
}

/// The body of a close frame.
pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    masked(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Reads a server's frame and how long it is, if it is there as a whole.
pub(crate) fn read(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    assert_eq!(second & 0x80, 0, "a server masks nothing");
    let (length, start) = match second {
        126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let end = start + usize::try_from(length).unwrap();
    let payload = bytes.get(start..end)?.to_vec();
    let frame = match first {
        TEXT => Frame::Text(String::from_utf8(payload).unwrap()),
        PING => Frame::Ping(payload),
        PONG => Frame::Pong(payload),
        CLOSE => Frame::Close(payload.split_first_chunk().map(|(code, reason)| {
            (u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap())
        })),
        first => panic!("a server does not send {first:02x}"),
    };
    Some((frame, end))
}
