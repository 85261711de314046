//! Code: a number for each close code.
//!
//! A peer may close with any code it likes. Those that are nobody's count as one, so that a peer
//! cannot make a node keep and show thousands of numbers.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use protocol::close::CloseCode;

/// The codes of RFC 6455, section 7.4.1, that a session may end or be parked with; 1005 and 1006
/// stand for a close without code, and none.
const RFC: [u16; 12] = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012];

/// Ours, those of the RFC, and one for all others.
const CODES: usize = CloseCode::ALL.len() + RFC.len() + 1;

/// What codes that are nobody's are shown as.
const OTHER: &str = "other";

/// A number for each close code.
#[derive(Debug)]
pub(crate) struct Codes([AtomicU64; CODES]);

impl Default for Codes {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; CODES])
    }
}

impl Codes {
    pub(crate) fn count(&self, code: u16) {
        let index = known().position(|known| known == code).unwrap_or(CODES - 1);
        self.0[index].fetch_add(1, Relaxed);
    }

    /// Those that there were.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (String, u64)> {
        let names = known().map(|code| code.to_string()).chain([OTHER.to_owned()]);
        names.zip(&self.0).map(|(name, n)| (name, n.load(Relaxed))).filter(|(_, n)| *n > 0)
    }
}

fn known() -> impl Iterator<Item = u16> {
    CloseCode::ALL.iter().map(|code| code.number()).chain(RFC)
}
