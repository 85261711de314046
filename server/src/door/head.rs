//! Head: the first bytes of a socket, until it is known what it wants.
//!
//! The end of the head is looked for only in what is new, so that a head that comes byte by byte
//! costs no more than one that comes at once.

use protocol::{CONNECT_PATH, limit, problem::ProblemCode};

use crate::ws::socket::Socket;

/// What a socket wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// To be a session; its request head is there, and this long.
    Session {
        /// Bytes, its empty line included.
        length: usize,
    },
    /// To be echoed to; its request head is there, and this long.
    #[cfg(feature = "echo")]
    Echo {
        /// Bytes, its empty line included.
        length: usize,
    },
    /// Something else; its request head is there.
    Other,
}

/// Why that cannot be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// The peer went away, or does not speak TLS as it should.
    Gone,
    /// It does not speak TLS at all.
    InTheClear,
    /// It breaks a bound, or is not HTTP.
    Refused(ProblemCode),
}

/// Reads until it is known what the socket wants, at most `bytes_max`; what was read is in `said`.
pub(super) async fn read(
    socket: &Socket,
    bytes_max: usize,
    said: &mut Vec<u8>,
) -> Result<Head, Unread> {
    if socket.lacks_tls().await {
        return Err(Unread::InTheClear);
    }
    let mut searched = 0;
    loop {
        if let Some(head) = look(said, bytes_max, &mut searched)? {
            return Ok(head);
        }
        match socket.read_on(said).await {
            Ok(0) | Err(_) => return Err(Unread::Gone),
            Ok(_) => {}
        }
    }
}

/// Looks at what there is; `searched` bytes of it were looked at before.
pub(super) fn look(
    said: &[u8],
    bytes_max: usize,
    searched: &mut usize,
) -> Result<Option<Head>, Unread> {
    let Some(first) = said.first() else { return Ok(None) };
    if !first.is_ascii_uppercase() {
        return Err(Unread::Refused(ProblemCode::BadRequest));
    }
    let line = said.iter().take(limit::REQUEST_LINE_BYTES_MAX).position(|b| *b == b'\n');
    let Some(line) = line else {
        if said.len() >= limit::REQUEST_LINE_BYTES_MAX {
            return Err(Unread::Refused(ProblemCode::UriTooLong));
        }
        return Ok(None);
    };
    let head: fn(usize) -> Head = match path(&said[..line]) {
        path if path == CONNECT_PATH.as_bytes() => |length| Head::Session { length },
        #[cfg(feature = "echo")]
        b"/echo" => |length| Head::Echo { length },
        _ => |_| Head::Other,
    };
    let from = searched.saturating_sub(3);
    *searched = said.len();
    match said[from..].windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) if from + at + 4 > bytes_max => Err(Unread::Refused(ProblemCode::HeadTooLarge)),
        Some(at) => Ok(Some(head(from + at + 4))),
        None if said.len() >= bytes_max => Err(Unread::Refused(ProblemCode::HeadTooLarge)),
        None => Ok(None),
    }
}

fn path(line: &[u8]) -> &[u8] {
    let target = line.split(|b| *b == b' ').nth(1).unwrap_or_default();
    target.split(|b| *b == b'?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
