//! Head: the first bytes of a socket, until it is known what it wants.
//!
//! Lines' ends are looked for only in what is new, so that a head that comes byte by byte costs no
//! more than one that comes at once.

use protocol::{CONNECT_PATH, limit, problem::ProblemCode};

use crate::ws::socket::Socket;

/// What a socket wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
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
pub(crate) enum Unread {
    /// The peer went away, or does not speak TLS as it should.
    Gone,
    /// It does not speak TLS at all.
    InTheClear,
    /// It breaks a bound, or is not HTTP.
    Refused(ProblemCode),
}

/// How far a head was looked at, so that no byte is looked at for each read.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Where the request line ends, once it does.
    line: Option<usize>,
    /// Bytes in which the end was not found.
    bytes: usize,
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
    let mut looked = Looked::default();
    loop {
        if let Some(head) = look(said, bytes_max, &mut looked)? {
            return Ok(head);
        }
        match socket.read_on(said).await {
            Ok(0) | Err(_) => return Err(Unread::Gone),
            Ok(_) => {}
        }
    }
}

/// Looks at what there is, which begins with what was looked at before.
pub(crate) fn look(
    said: &[u8],
    bytes_max: usize,
    looked: &mut Looked,
) -> Result<Option<Head>, Unread> {
    let Some(first) = said.first() else { return Ok(None) };
    if !first.is_ascii_uppercase() {
        return Err(Unread::Refused(ProblemCode::BadRequest));
    }
    let from = looked.bytes.saturating_sub(3);
    let in_line = &said[from..said.len().min(limit::REQUEST_LINE_BYTES_MAX).max(from)];
    looked.line = looked.line.or_else(|| Some(from + in_line.iter().position(|b| *b == b'\n')?));
    looked.bytes = said.len();
    let Some(line) = looked.line else {
        if said.len() >= limit::REQUEST_LINE_BYTES_MAX {
            return Err(Unread::Refused(ProblemCode::UriTooLong));
        }
        return Ok(None);
    };
    match said[from..].windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) if from + at + 4 > bytes_max => Err(Unread::Refused(ProblemCode::HeadTooLarge)),
        Some(at) => Ok(Some(wanted(&said[..line], from + at + 4))),
        None if said.len() >= bytes_max => Err(Unread::Refused(ProblemCode::HeadTooLarge)),
        None => Ok(None),
    }
}

/// What is wanted by a head with this request line and of this length.
fn wanted(line: &[u8], length: usize) -> Head {
    match path(line) {
        path if path == CONNECT_PATH.as_bytes() => Head::Session { length },
        #[cfg(feature = "echo")]
        b"/echo" => Head::Echo { length },
        _ => Head::Other,
    }
}

fn path(line: &[u8]) -> &[u8] {
    let target = line.split(|b| *b == b' ').nth(1).unwrap_or_default();
    target.split(|b| *b == b'?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
