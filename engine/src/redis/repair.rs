//! Repair: what this node should have heard of a partition is found out from what is kept.
//!
//! First its sessions: those that have lost their place meanwhile are told, those that were only
//! parked, since this node was taken for lost, are taken back, and those that were forgotten with all
//! that was in an epoch are registered again. Then messages: each
//! user's stream is read on from where the last one came. What cannot be made up for, because the
//! stream does not reach back, must not be passed over: those sessions are sent away to resume,
//! which tells them of the gap.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
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
    roll::{Here, Mine},
    step::Manner,
};
use crate::{
    contract::Departure,
    fleet::{Fate, Orphan},
};

/// Messages and bytes that are read in one go.
const MESSAGES: usize = 256;
const BYTES: usize = 256 * 1024;

/// Users that are looked at in one go.
const LOOKS: usize = 128;

/// Users who are repaired at once.
const AT_ONCE: usize = 16;

impl Redis {
    /// Makes up for what was lost of a partition.
    pub(super) async fn repair(&self, partition: Partition) -> Result<(), Fault> {
        let users = self.roll.users(partition);
        for some in users.chunks(LOOKS) {
            let looks = some.iter().map(|(user, _)| Look::at(user)).collect();
            let seen = self.look_at_all(looks).await;
            let one = |((user, here), seen)| self.repair_one(user, here, seen);
            let each: Vec<_> =
                some.iter().map(|(user, here)| (user, here)).zip(seen).map(one).collect();
            let mut repaired = stream::iter(each).buffer_unordered(AT_ONCE);
            while let Some(repaired) = repaired.next().await {
                repaired?;
            }
        }
        Ok(())
    }

    /// Repairs what is here of a user. If it cannot be read, her sessions are sent to other nodes, and
    /// the rest of the partition goes on.
    async fn repair_one(
        &self,
        user: &UserId,
        here: &Here,
        seen: Result<Seen, Fault>,
    ) -> Result<(), Fault> {
        let repaired = async { self.repair_user(user, here, &seen?).await };
        match repaired.await {
            Err(Fault::Foreign) => {
                for (session, mine) in &here.sessions {
                    let fenced = Fenced { session: *session, fence: mine.fence };
                    self.tell_end(user, fenced, CloseCode::Drain).await;
                }
                Ok(())
            }
            repaired => repaired,
        }
    }

    async fn repair_user(&self, user: &UserId, here: &Here, seen: &Seen) -> Result<(), Fault> {
        let (epoch, mut reader) = (seen.epoch()?, None);
        for (session, mine) in &here.sessions {
            let fenced = Fenced { session: *session, fence: mine.fence };
            let end = match self.place(seen, fenced) {
                Place::Here => None,
                Place::Gone => self.come_back(user, fenced, mine, epoch).await?,
                Place::Parked if self.reclaim(user, fenced).await? => None,
                Place::Parked => Some(CloseCode::Drain),
                Place::Elsewhere => Some(CloseCode::TakenOver),
            };
            match end {
                None => reader = Some(fenced),
                Some(code) => self.tell_end(user, fenced, code).await,
            }
        }
        match reader {
            Some(fenced) => self.read_missed(user, here, fenced).await?,
            None => return Ok(()),
        }
        self.roll.note_epoch(user, epoch);
        Ok(())
    }

    /// A session that the registry does not have by its last admission: it ended, with this code, or was
    /// forgotten; then it is registered again, unless there is something against it.
    async fn come_back(
        &self,
        user: &UserId,
        fenced: Fenced,
        mine: &Mine,
        epoch: u64,
    ) -> Result<Option<CloseCode>, Fault> {
        if let Some(code) = self.code(mine.token).await? {
            return Ok(Some(code));
        }
        // In the epoch in which it was there it can only have ended, longer ago than ends are kept.
        if mine.epoch == epoch {
            return Ok(Some(CloseCode::CannotResume));
        }
        let state = State::Live(Arc::clone(&self.me));
        let standing = Standing { state, ..mine.standing(fenced.session)? };
        let tokens = [Some(standing.token), standing.previous_token];
        let look = Look {
            tokens: tokens.into_iter().flatten().collect(),
            block: true,
            leased: Some(Arc::clone(&self.me)),
            ..Look::at(user)
        };
        let step = |now, registry: &mut Registry| registry.reassert(now, user, standing.clone());
        Ok(self.take(look, Manner::default(), step).await?.outcome.err())
    }

    /// Where the registry has a session that this node has.
    fn place(&self, seen: &Seen, fenced: Fenced) -> Place {
        let standing = seen.standing();
        let is_it = |one: &&Standing| one.id == fenced.session;
        match standing.filter(is_it).map(|one| (one.fence, &one.state)).next() {
            None => Place::Gone,
            Some((fence, _)) if fence < fenced.fence => Place::Gone,
            Some((fence, _)) if fence > fenced.fence => Place::Elsewhere,
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
        let taken = self.take(look, Manner::default(), step).await?;
        if taken.outcome {
            let (session, user, node) = (fenced.session, user.clone(), Arc::clone(&self.me));
            self.orphans.push(Orphan { session, user, node, fate: Fate::TakenBack });
        }
        Ok(taken.outcome)
    }

    /// With which code a session ended, by its token, if that is known.
    async fn code(&self, token: ResumeToken) -> Result<Option<CloseCode>, Fault> {
        let found = self.get(token.partition(), &self.keys.token(token)).await?;
        let known = found.map(|found| kept::read::<Token>(&found)).transpose()?;
        Ok(known.map(|known| known.code()).transpose()?.flatten())
    }

    async fn tell_end(&self, user: &UserId, fenced: Fenced, code: CloseCode) {
        let notice = Notice::End { sessions: vec![fenced], end: End { code, by: None } };
        self.deliver(Envelope { user: user.clone(), notice }).await;
    }

    /// Reads on from where the last message came.
    async fn read_missed(&self, user: &UserId, here: &Here, by: Fenced) -> Result<(), Fault> {
        let (mut after, mut is_anew) = (here.seen, false);
        loop {
            let reader = Reader { user: user.clone(), fenced: by, after };
            let page = self.read_on(&reader, MESSAGES, BYTES).await?;
            // Gone since: its node was told by envelope.
            let Some(page) = page else { return Ok(()) };
            let missed = page.gap.as_ref().is_some_and(|gap| gap.reason != GapReason::Epoch);
            if missed {
                return self.send_away(user, here).await;
            }
            is_anew |= page.gap.is_some();
            for message in page.messages {
                let notice = Notice::Message(Arc::clone(&message));
                self.deliver(Envelope { user: user.clone(), notice }).await;
            }
            after = page.until;
            if !page.more {
                break;
            }
        }
        if is_anew {
            // What was before is lost, and whoever was there for it is told now.
            let notice = Notice::Behind(after);
            self.deliver(Envelope { user: user.clone(), notice }).await;
        }
        Ok(())
    }

    /// Parks the sessions of a user who missed too much to be told here.
    async fn send_away(&self, user: &UserId, here: &Here) -> Result<(), Fault> {
        for (session, mine) in &here.sessions {
            let fenced = Fenced { session: *session, fence: mine.fence };
            self.let_go(fenced, Departure::Park).await.or(Err(Fault::NotDone))?;
            self.tell_end(user, fenced, CloseCode::Slow).await;
        }
        Ok(())
    }

    /// Parks sessions that the registry has here twice in a row, but nobody else has: whoever
    /// admitted them never learned of it.
    pub(super) async fn release(&self, strangers: &[SessionId]) -> Result<(), Fault> {
        let strangers = self.users_of(strangers).await?;
        let known = strangers.into_iter().filter_map(|(session, user)| Some((session, user?)));
        let one = |(session, user)| self.release_one(session, user);
        let mut released = stream::iter(known).map(one).buffer_unordered(AT_ONCE);
        while let Some(released) = released.next().await {
            match released {
                Ok(()) | Err(Fault::Foreign) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    async fn release_one(&self, session: SessionId, user: UserId) -> Result<(), Fault> {
        let seen = self.look(Look::at(&user)).await?;
        let mut standing = seen.standing();
        let stranger = standing.find(|one| one.id == session && is_at(&self.me, one));
        let fence = stranger.map(|one| one.fence).filter(|fence| *fence != Fence::default());
        if let Some(fence) = fence {
            let fenced = Fenced { session, fence };
            self.let_go(fenced, Departure::Park).await.or(Err(Fault::NotDone))?;
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
    /// Nowhere, or only by an earlier admission: it ended, or was forgotten.
    Gone,
    /// Its node was taken for lost.
    Parked,
    /// It was admitted again.
    Elsewhere,
}
