//! Oracle: knows what was asked for and what came out, and says where a promise was broken.
//!
//! It keeps books of its own: who stands where, what was sent to whom, under which keys. They are
//! written by the promises, not by the kernel's decisions: it is told what the kernel answered, and
//! judges that. After each step of the engine its books must agree with what the registry lists.

mod admission;
mod resuming;
mod parting;
mod sends;
mod keys;
mod hearing;
mod pages;
mod people;
mod promise;
mod memory;
mod stream;
mod stay;

use std::collections::BTreeMap;

use kernel::{message::Fence, registry::Terms};
use protocol::{
    id::{MessageId, ResumeToken, SessionId, Ticket},
    name::UserId,
    time::Timestamp,
};

use self::{
    admission::Leave,
    hearing::Fleeting,
    keys::KeyBook,
    memory::Memory,
    people::Person,
    promise::Blame,
    stay::{Facts, Gone},
};
use crate::{clock::Clock, told::Told};

pub(crate) use self::{
    promise::Promise,
    stay::{Stay, Whereabouts},
};

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) blames: Vec<Blame>,
    pub(crate) told: Told,
    pub(crate) clock: Clock,
    terms: Terms,
    leaves: BTreeMap<Ticket, Leave>,
    people: BTreeMap<UserId, Person>,
    /// What never changes in a session, for as long as anybody may read what it was sent.
    pub(crate) facts: BTreeMap<SessionId, Facts>,
    gone: BTreeMap<SessionId, Gone>,
    /// Every token that was ever good, and whose it is.
    tokens: BTreeMap<ResumeToken, SessionId>,
    /// Tokens of attempts that were taken back, and until when those are refused.
    withdrawn: BTreeMap<ResumeToken, Timestamp>,
    /// How many tokens of ended sessions are to be kept.
    told_tokens: Memory,
    keys: KeyBook,
    /// Messages that have no place in a stream, by id and whether they are the sender's copy.
    fleeting: BTreeMap<(MessageId, bool), Fleeting>,
    last_fence: Fence,
}

impl Oracle {
    pub(crate) fn new(terms: Terms, clock: Clock) -> Self {
        Self {
            blames: Vec::new(),
            told: Told::default(),
            clock,
            terms,
            leaves: BTreeMap::new(),
            people: BTreeMap::new(),
            facts: BTreeMap::new(),
            gone: BTreeMap::new(),
            tokens: BTreeMap::new(),
            withdrawn: BTreeMap::new(),
            told_tokens: Memory::default(),
            keys: KeyBook::new(terms.keys),
            fleeting: BTreeMap::new(),
            last_fence: Fence::default(),
        }
    }
}
