//! Shade: what Redis gets to know of a ticket or a token.
//!
//! Whoever can read Redis, or a backup of it, must not be able to open sessions. So before the
//! rules see them, tickets and tokens are replaced by hashes of the same form. To a repeated
//! attempt the token of its first time is told again, which a hash cannot give back: it is kept
//! beside the spent ticket, sealed with the ticket itself, that only whoever attempts it knows.

use kernel::registry::{Attempt, Proof};
use protocol::id::{ResumeToken, SessionId, Ticket};
use sha2::{Digest, Sha256};

/// The hash of parts, none of which has a line break.
pub(super) fn hash(parts: &[&str]) -> [u8; 32] {
    Sha256::digest(parts.join("\n")).into()
}

/// The same, as a name of a key.
pub(super) fn name(parts: &[&str]) -> String {
    hash(parts)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bits(text: &str) -> u128 {
    let hash = hash(&["shade", text]);
    let half = hash.first_chunk().expect("a hash has 32 bytes");
    u128::from_le_bytes(*half)
}

pub(super) fn ticket(ticket: Ticket) -> Ticket {
    Ticket::new(ticket.partition(), bits(&ticket.to_string()))
}

pub(super) fn token(token: ResumeToken) -> ResumeToken {
    ResumeToken::new(token.partition(), bits(&token.to_string()))
}

/// An attempt as the rules see it.
pub(super) fn attempt(attempt: &Attempt) -> Attempt {
    let proof = match attempt.proof {
        Proof::Ticket(one, after) => Proof::Ticket(ticket(one), after),
        Proof::Resume(one, after) => Proof::Resume(token(one), after),
    };
    Attempt { proof, token: token(attempt.token), ..attempt.clone() }
}

fn pad(ticket: Ticket, session: SessionId) -> [u8; 32] {
    hash(&["seal", &ticket.to_string(), &session.to_string()])
}

/// Seals the token of the session that a ticket opened; each ticket opens one.
pub(super) fn seal(ticket: Ticket, session: SessionId, token: ResumeToken) -> String {
    let pad = pad(ticket, session);
    token.to_string().bytes().zip(pad).map(|(byte, pad)| format!("{:02x}", byte ^ pad)).collect()
}

/// The token that was sealed.
pub(super) fn unseal(ticket: Ticket, session: SessionId, sealed: &str) -> Option<ResumeToken> {
    let pad = pad(ticket, session);
    let digits = (0..sealed.len()).step_by(2).map(|at| sealed.get(at..at + 2));
    let bytes = digits.map(|digits| u8::from_str_radix(digits?, 16).ok());
    let open: Option<Vec<u8>> = bytes.zip(pad).map(|(byte, pad)| Some(byte? ^ pad)).collect();
    ResumeToken::parse(str::from_utf8(&open?).ok()?).ok()
}

#[cfg(test)]
mod tests;
