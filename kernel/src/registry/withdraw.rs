//! Withdrawal: a connect attempt whose outcome its node never learned is taken back.
//!
//! It may have got its place, may still get it, or neither. Whoever attempted it has been sent away
//! by then, so that nobody would ever serve, park or end what it got.

use protocol::{close::CloseCode, id::SessionId, time::Timestamp};

use super::{Attempt, Ended, Mail, Proof, Registry, record::State};
use crate::message::Fenced;

/// What became of an attempt that was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withdrawn {
    /// It had got nothing, or others have it since.
    Nothing,
    /// It had got a session that came back; that is parked.
    Parked,
    /// It had got a new session; that ended.
    Ended(Ended),
}

impl Registry {
    /// Takes back an attempt: lets go of what it got, and refuses it should it come late.
    pub fn withdraw(&mut self, now: Timestamp, attempt: &Attempt) -> (Withdrawn, Vec<Mail>) {
        let got = match attempt.proof {
            Proof::Ticket(..) => Some(attempt.session),
            Proof::Resume(..) => self.people.of_token(attempt.token),
        };
        let got = got.and_then(|session| self.stands(attempt, session));
        let withdrawn = match (got, attempt.proof) {
            (None, _) => (Withdrawn::Nothing, Vec::new()),
            (Some(fenced), Proof::Ticket(..)) => {
                let (ended, mail) = self.release(now, fenced, CloseCode::CannotResume);
                (ended.map_or(Withdrawn::Nothing, Withdrawn::Ended), mail)
            }
            (Some(fenced), Proof::Resume(..)) => {
                let (parked, mail) = self.park(now, fenced);
                (if parked { Withdrawn::Parked } else { Withdrawn::Nothing }, mail)
            }
        };
        // A new session that ended has left its token here already.
        if !self.is_withdrawn(attempt) {
            self.keep_end(now, attempt.token, CloseCode::CannotResume);
        }
        withdrawn
    }

    /// Whether an attempt comes only after it was withdrawn.
    pub(super) fn is_withdrawn(&self, attempt: &Attempt) -> bool {
        self.ended.contains_key(&attempt.token)
    }

    /// A session, if it is still as this attempt left it.
    fn stands(&self, attempt: &Attempt, session: SessionId) -> Option<Fenced> {
        let (_, record) = self.people.session(session)?;
        let is_live = match &record.state {
            State::Live(node) => **node == *attempt.node,
            State::Parked { .. } => false,
        };
        (is_live && record.token == attempt.token).then(|| record.fenced())
    }
}
