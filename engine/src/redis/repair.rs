//! Repair: what this node should have heard of a partition is found out from what is kept.
//!
//! First its sessions: those that have lost their place meanwhile are told, and those that were
//! only parked, since this node was taken for lost, are taken back. Then messages: each
//! user's stream is read on from where the last one came. What cannot be made up for, because the
//! stream does not reach back, must not be passed over: those sessions are sent away to resume,
//! which tells them of the gap.

use std::sync::Arc;

use kernel::{
    message::{End, Envelope, Fence, Fenced, Notice},
    registry::{Mail, Reader, Registry, Standing, State},
};
use protocol::{
    close::CloseCode,
    frame::GapReason,
    id::{ResumeToken, SessionId},
    name::UserId,
    partition::Partition,
};

use super::{
    Redis,
    kept::{self, Token},
    link::Fault,
    look::{Look, Seen},
    roll::Here,
    step::Manner,
};
use crate::contract::Departure;

/// Messages and bytes that are read in one go.
const MESSAGES: usize = 256;
const BYTES: usize = 256 * 1024;

/// Users that are looked at in one go.
const LOOKS: usize = 128;

impl Redis {
    /// Makes up for what was lost of a partition.
    pub(super) async fn repair(&self, partition: Partition) -> Result<(), Fault> {
        let users = self.roll.users(partition);
        for some in users.chunks(LOOKS) {
            let looks = some.iter().map(|(user, _)| Look::at(user)).collect();
            let seen = self.look_at_all(looks).await?;
            for ((user, here), seen) in some.iter().zip(&seen) {
                self.repair_user(user, here, seen).await?;
            }
        }
        Ok(())
    }

    async fn repair_user(&self, user: &UserId, here: &Here, seen: &Seen) -> Result<(), Fault> {
        let mut reader = None;
        for (session, (fence, token)) in &here.sessions {
            let fenced = Fenced { session: *session, fence: *fence };
            match self.place(seen, fenced) {
                Place::Here => reader = Some(fenced),
                Place::Gone => self.tell_end(user, fenced, self.code(*token).await?).await,
                Place::Parked if self.reclaim(user, fenced).await? => reader = Some(fenced),
                Place::Parked => self.tell_end(user, fenced, CloseCode::Drain).await,
                Place::Elsewhere => self.tell_end(user, fenced, CloseCode::TakenOver).await,
            }
        }
        match reader {
            Some(fenced) => self.read_missed(user, here, fenced).await,
            None => Ok(()),
        }
    }

    /// Where the registry has a session that this node has.
    fn place(&self, seen: &Seen, fenced: Fenced) -> Place {
        let standing = seen.person().into_iter().flat_map(|person| &person.standing);
        let is_it = |one: &&Standing| one.id == fenced.session;
        match standing.filter(is_it).map(|one| (one.fence, &one.state)).next() {
            None => Place::Gone,
            Some((fence, _)) if fence != fenced.fence => Place::Elsewhere,
            Some((_, State::Parked { .. })) => Place::Parked,
            Some((_, State::Live(node))) if **node != *self.me => Place::Elsewhere,
            // A lease that lapsed for a moment and holds again has harmed nobody.
            Some((_, State::Live(_))) => Place::Here,
        }
    }

    /// Takes back a session that is here, though this node was taken for lost.
    async fn reclaim(&self, user: &UserId, fenced: Fenced) -> Result<bool, Fault> {
        let look = Look { leased: Some(Arc::clone(&self.me)), ..Look::at(user) };
        let step =
            |now, registry: &mut Registry| (registry.reclaim(now, fenced), Vec::<Mail>::new());
        let taken = self.take(look, Manner::default(), step).await.or(Err(Fault::NotDone))?;
        Ok(taken.outcome)
    }

    /// With which code a session ended, by its token.
    async fn code(&self, token: ResumeToken) -> Result<CloseCode, Fault> {
        let found = self.get(token.partition(), &self.keys.token(token)).await?;
        let known = found.map(|found| kept::read::<Token>(&found)).transpose()?;
        let code = known.map(|known| known.code()).transpose()?.flatten();
        Ok(code.unwrap_or(CloseCode::CannotResume))
    }

    async fn tell_end(&self, user: &UserId, fenced: Fenced, code: CloseCode) {
        let notice = Notice::End { sessions: vec![fenced], end: End { code, by: None } };
        self.deliver(Envelope { user: user.clone(), notice }).await;
    }

    /// Reads on from where the last message came.
    async fn read_missed(&self, user: &UserId, here: &Here, by: Fenced) -> Result<(), Fault> {
        let mut after = here.seen;
        loop {
            let reader = Reader { user: user.clone(), fenced: by, after };
            let page = self.read_on(&reader, MESSAGES, BYTES).await?;
            // Gone since: its node was told by envelope.
            let Some(page) = page else { return Ok(()) };
            let missed = page.gap.as_ref().is_some_and(|gap| gap.reason != GapReason::Epoch);
            if missed {
                return self.send_away(user, here).await;
            }
            // A message of another epoch makes a shard read by itself, and tell of the gap.
            for message in page.messages {
                let notice = Notice::Message(Arc::clone(&message));
                self.deliver(Envelope { user: user.clone(), notice }).await;
            }
            if !page.more {
                return Ok(());
            }
            after = page.until;
        }
    }

    /// Parks the sessions of a user who missed too much to be told here.
    async fn send_away(&self, user: &UserId, here: &Here) -> Result<(), Fault> {
        for (session, (fence, _)) in &here.sessions {
            let fenced = Fenced { session: *session, fence: *fence };
            self.let_go(fenced, Departure::Park).await.or(Err(Fault::NotDone))?;
            self.tell_end(user, fenced, CloseCode::Slow).await;
        }
        Ok(())
    }

    /// Parks sessions that the registry has here twice in a row, but nobody else has: whoever
    /// admitted them never learned of it.
    pub(super) async fn release(&self, strangers: &[SessionId]) -> Result<(), Fault> {
        let users = self.users_of(strangers).await?;
        for (session, user) in strangers.iter().zip(users) {
            let Some(user) = user else { continue };
            let seen = self.look(Look::at(&user)).await?;
            let standing = seen.person().into_iter().flat_map(|person| &person.standing);
            let fence = standing
                .filter(|one| one.id == *session && is_at(&self.me, one))
                .map(|one| one.fence)
                .next();
            if let Some(fence) = fence.filter(|fence| *fence != Fence::default()) {
                let fenced = Fenced { session: *session, fence };
                self.let_go(fenced, Departure::Park).await.or(Err(Fault::NotDone))?;
            }
        }
        Ok(())
    }
}

fn is_at(me: &kernel::message::NodeRef, one: &Standing) -> bool {
    match &one.state {
        State::Live(node) => **node == *me,
        State::Parked { .. } => false,
    }
}

/// Where a session is that this node has.
enum Place {
    /// Here, by the same admission.
    Here,
    /// Nowhere: it ended.
    Gone,
    /// Its node was taken for lost.
    Parked,
    /// It was admitted again.
    Elsewhere,
}
