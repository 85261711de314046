//! Answer: the head of an HTTP answer, as far as the load has to understand it.

use crate::failure::Failure;

/// Where a head ends.
const END: &[u8] = b"\r\n\r\n";

/// An answer that is there as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) head: &'a [u8],
    pub(super) body: &'a [u8],
    /// How many bytes it has in all.
    pub(super) length: usize,
}

/// Bytes that are no answer of HTTP/1.1 with a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::failed("what listens there does not answer as Usher does")
    }
}

/// Reads the answer at the front, if it is whole.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Answer<'_>>, Malformed> {
    let Some(at) = bytes.windows(END.len()).position(|four| four == END) else { return Ok(None) };
    let (head, body) = bytes.split_at(at + END.len());
    let text = std::str::from_utf8(head).or(Err(Malformed))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or(Malformed)?;
    let status: u16 =
        status.split(' ').next().and_then(|code| code.parse().ok()).ok_or(Malformed)?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map(|(_, value)| value.trim().parse().or(Err(Malformed)))
        .transpose()?;
    let length = match (status, length) {
        (101 | 204, _) => 0,
        (_, Some(length)) => length,
        // It would end with the socket, or come in pieces; the server does neither.
        (_, None) => return Err(Malformed),
    };
    let length_in_all = head.len() + length;
    Ok(body.get(..length).map(|body| Answer { status, head, body, length: length_in_all }))
}

#[cfg(test)]
mod tests;
