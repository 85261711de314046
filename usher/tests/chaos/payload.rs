//! Payload: what messages say, so that whoever gets one can tell whether it is the one that was
//! sent, whole, and for whom.

use serde::{Deserialize, Serialize};

use crate::{dice::Dice, log::Name};

/// What a message says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) to: String,
    pub(crate) by: String,
    pub(crate) n: u64,
    pad: String,
}

/// The number of the last message that a publisher sends.
pub(crate) const LAST: u64 = 1 << 52;

impl Payload {
    /// One that nobody has sent before.
    pub(crate) fn new(to: &str, name: &Name, dice: &mut Dice) -> Self {
        // Some are long, so that sockets fill up and frames are cut.
        let length = if dice.below(20) == 0 { dice.below(8_000) } else { dice.below(100) };
        let letter = char::from(b'a' + u8::try_from(dice.below(26)).expect("it is small"));
        let pad = letter.to_string().repeat(usize::try_from(length).expect("it is small"));
        Self { to: to.to_owned(), by: name.by.clone(), n: name.n, pad }
    }

    /// The data of a message, as it must arrive.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("it is JSON")
    }

    /// Who sent it, and which it is.
    pub(crate) fn name(&self) -> Name {
        Name { by: self.by.clone(), n: self.n }
    }
}
