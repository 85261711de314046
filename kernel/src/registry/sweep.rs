//! What time ends: tickets, windows, ages, streams, memories. Nothing here waits for a call.

use protocol::{close::CloseCode, id::SessionId, limit, name::UserId, time::Timestamp};

use super::{Ended, Mail, Registry, record::Record};
use crate::message::End;

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// Sessions that ended.
    pub ended: Vec<Ended>,
    /// What the nodes of live ones among them are told.
    pub mail: Vec<Mail>,
}

impl Registry {
    /// Takes away what is over; of sessions at most `most`, whose users' nodes `may_be_told`.
    pub fn sweep(
        &mut self,
        now: Timestamp,
        most: usize,
        may_be_told: impl Fn(&UserId) -> bool,
    ) -> Swept {
        self.tickets.retain(|_, issued| issued.expires_at.after(limit::TICKET_MEMORY) > now);
        self.forget_ended(now);
        self.keys.forget(now);
        self.blocks.retain(|_, block| !block.over(now));
        let mut swept = Swept::default();
        for (user, session, code) in self.overdue(now, most, may_be_told) {
            let end = End { code, by: None };
            let (ended, mail) = self.end_sessions(now, &user, &[session], &end);
            swept.mail.extend(mail);
            swept.ended.extend(ended);
        }
        let terms = self.terms;
        self.people.retain(|known| {
            known.stream.expire(&terms.stream, now);
            let forgotten =
                known.vacant_since.is_some_and(|since| since.after(terms.stream.age) <= now);
            !(forgotten && known.records.is_empty() && known.stream.is_empty())
        });
        swept
    }

    fn overdue(
        &self,
        now: Timestamp,
        most: usize,
        may_be_told: impl Fn(&UserId) -> bool,
    ) -> Vec<(UserId, SessionId, CloseCode)> {
        let why = |record: &Record| record.overdue(now);
        self.people
            .users()
            .flat_map(|known| known.records.iter().map(|record| (&known.name, record)))
            .filter_map(|(user, record)| why(record).map(|code| (user.clone(), record.id, code)))
            .filter(|(user, _, _)| may_be_told(user))
            .take(most)
            .collect()
    }

    fn forget_ended(&mut self, now: Timestamp) {
        while let Some((until, token)) = self.ended_until.front() {
            if *until > now {
                break;
            }
            self.ended.remove(token);
            self.ended_until.pop_front();
        }
    }
}
