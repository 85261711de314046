//! Close: the body of a close frame (RFC 6455, sections 5.5.1 and 7.4).
//!
//! Codes that are only ever told to the application (1005, 1006, 1015), that nobody has registered
//! or that are below 1000 must not be on the wire.

use std::borrow::Cow;

use super::{Failure, text};

/// Why the other side closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close<'a> {
    pub(crate) code: u16,
    pub(crate) reason: Cow<'a, str>,
}

/// Parses a close frame's payload; an empty one gives no code.
pub(super) fn parse(payload: Cow<'_, [u8]>) -> Result<Option<Close<'_>>, Failure> {
    let Some(&code) = payload.first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Failure::CloseBodyCut) };
    };
    let code = u16::from_be_bytes(code);
    if !may_be_sent(code) {
        return Err(Failure::CloseCodeInvalid);
    }
    let reason = match payload {
        Cow::Borrowed(payload) => Cow::Borrowed(&payload[2..]),
        Cow::Owned(mut payload) => Cow::Owned(payload.split_off(2)),
    };
    Ok(Some(Close { code, reason: text(reason)? }))
}

/// The registered codes that may be sent, and the ranges for libraries and applications.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
