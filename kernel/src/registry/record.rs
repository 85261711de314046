//! What the registry keeps of a user and of each session.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use protocol::{
    close::CloseCode,
    grant::{Meta, Origin, Policy, SendGrant},
    id::{ResumeToken, SessionId},
    limit::{PROBE_SHARED, PROBED_WAIT},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

use super::Admitted;
use crate::{
    admission::{Newcomer, Place},
    message::{Fence, Fenced, NodeRef},
    plan::{Candidate, Member},
    stream::Stream,
};

/// A user that has sessions, or had some a moment ago.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: UserId,
    pub(super) records: Vec<Record>,
    pub(super) stream: Stream,
    /// Since when there is no session.
    pub(super) vacant_since: Option<Timestamp>,
}

impl User {
    /// One without sessions yet.
    pub(super) fn new(name: UserId, stream: Stream) -> Self {
        Self { name, records: Vec::new(), stream, vacant_since: None }
    }

    /// Its sessions, but for parked ones whose window is over.
    pub(super) fn standing(&self, now: Timestamp) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| !record.over(now))
    }
}

/// Where a session's socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There.
    Live(Arc<NodeRef>),
    /// Lost.
    Parked {
        /// Where it was.
        node: Arc<NodeRef>,
        /// Since when it is lost.
        at: Timestamp,
        /// Until when the session may resume.
        until: Timestamp,
    },
}

/// One session. Small, since there is one for each: what is rare is boxed.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: SessionId,
    pub(super) device: Option<DeviceId>,
    pub(super) class: Option<DeviceClass>,
    pub(super) state: State,
    pub(super) fence: Fence,
    pub(super) created_at: Timestamp,
    pub(super) connected_at: Timestamp,
    pub(super) active_at: Timestamp,
    pub(super) ends_at: Timestamp,
    /// That of its ticket.
    pub(super) policy: Policy,
    pub(super) joined: Position,
    pub(super) token: ResumeToken,
    pub(super) address: IpAddr,
    /// Whether its user had no session before it.
    pub(super) first: bool,
    pub(super) rare: Option<Box<Rare>>,
}

/// What few sessions have, or only for a while.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rare {
    pub(super) acked: Option<Position>,
    /// Good until the session shows that it got its present token.
    pub(super) previous_token: Option<ResumeToken>,
    /// Until when it is kept at least once its socket is lost, as its resume was refused for now.
    pub(super) held_until: Option<Timestamp>,
    pub(super) origin: Option<Origin>,
    pub(super) send: SendGrant,
    pub(super) meta: Meta,
    /// While somebody wants to know, or a moment ago wanted to know, whether anyone is there.
    pub(super) probe: Option<Probe>,
}

impl Rare {
    /// What a ticket gives, if it gives anything.
    pub(super) fn of(origin: Option<Origin>, send: SendGrant, meta: Meta) -> Option<Box<Self>> {
        let rare = Self { origin, send, meta, ..Self::default() };
        (rare != Self::default()).then(|| Box::new(rare))
    }
}

/// Whether anybody is at a session, as far as nodes have asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Since when its node is asking.
    pub asked_at: Option<Timestamp>,
    /// When it last answered.
    pub heard_at: Option<Timestamp>,
    /// Who wants to know.
    pub askers: Vec<Arc<NodeRef>>,
}

impl Record {
    /// Whether it was there a moment ago: it came, or answered.
    pub(super) fn is_proven(&self, now: Timestamp) -> bool {
        let heard_at = self.rare().probe.as_ref().and_then(|probe| probe.heard_at);
        heard_at.max(Some(self.connected_at)).is_some_and(|at| at.after(PROBE_SHARED) > now)
    }

    /// Notes that `node` wants to know whether anybody is there; tells whether the session's node
    /// has to be asked, which it need not if it is asking already.
    pub(super) fn ask(&mut self, now: Timestamp, node: Arc<NodeRef>) -> bool {
        let probe = self.rare_mut().probe.get_or_insert_default();
        let asking = probe.asked_at.is_some_and(|at| at <= now && at.after(PROBED_WAIT) > now);
        if !asking {
            probe.asked_at = Some(now);
        }
        // Whoever asked before may still wait, unless it has started anew; to be told in vain does no
        // harm.
        probe.askers.retain(|asker| asker.id != node.id);
        probe.askers.push(node);
        !asking
    }

    /// It answered; returns who wanted to know.
    pub(super) fn heard_of(&mut self, now: Timestamp) -> Vec<Arc<NodeRef>> {
        let askers = self.take_askers();
        self.rare_mut().probe.get_or_insert_default().heard_at = Some(now);
        askers
    }

    /// Who wants to know, now that it is known.
    pub(super) fn take_askers(&mut self) -> Vec<Arc<NodeRef>> {
        let Some(probe) = self.rare.as_mut().and_then(|rare| rare.probe.take()) else {
            return Vec::new();
        };
        self.tidy();
        probe.askers
    }

    /// What it has of what few have.
    pub(super) fn rare(&self) -> &Rare {
        static NOTHING: LazyLock<Rare> = LazyLock::new(Rare::default);
        self.rare.as_deref().unwrap_or(&NOTHING)
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn tidy(&mut self) {
        if self.rare.as_deref() == Some(&Rare::default()) {
            self.rare = None;
        }
    }

    /// The tokens that are good for it.
    pub(super) fn tokens(&self) -> Vec<ResumeToken> {
        [Some(self.token), self.rare().previous_token].into_iter().flatten().collect()
    }

    pub(super) fn has_token(&self, token: ResumeToken) -> bool {
        self.token == token || self.rare().previous_token == Some(token)
    }

    /// It has its present token; returns the earlier one, which is void.
    pub(super) fn confirm(&mut self) -> Option<ResumeToken> {
        let void = self.rare.as_mut().and_then(|rare| rare.previous_token.take());
        self.tidy();
        void
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Live(_))
    }

    /// Whether its window is over, though nobody has swept it yet.
    pub(super) fn over(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Live(_) => false,
            State::Parked { until, .. } => *until <= now,
        }
    }

    /// With which code it is to end by now, for its age or its window.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<CloseCode> {
        match self.ends_at <= now {
            true => Some(CloseCode::TooOld),
            false => self.over(now).then_some(CloseCode::CannotResume),
        }
    }

    pub(super) fn node(&self) -> &Arc<NodeRef> {
        match &self.state {
            State::Live(node) | State::Parked { node, .. } => node,
        }
    }

    pub(super) fn fenced(&self) -> Fenced {
        Fenced { session: self.id, fence: self.fence }
    }

    pub(super) fn member(&self) -> Member<'_> {
        Member {
            id: self.id,
            device: self.device.as_ref(),
            class: self.class.as_ref(),
            joined: self.joined,
        }
    }

    pub(super) fn candidate(&self) -> Candidate {
        Candidate {
            id: self.id,
            live: self.is_live(),
            active_at: self.active_at,
            created_at: self.created_at,
        }
    }

    pub(super) fn newcomer(&self) -> Newcomer<'_> {
        Newcomer { device: self.device.as_ref(), class: self.class.as_ref() }
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place {
            id: self.id,
            device: self.device.as_ref(),
            class: self.class.as_ref(),
            created_at: self.created_at,
            parked_at: match &self.state {
                State::Live(_) => None,
                State::Parked { at, .. } => Some(*at),
            },
        }
    }

    pub(super) fn admitted(
        &self,
        user: UserId,
        after: Position,
        replay: bool,
        resumed: bool,
    ) -> Admitted {
        Admitted {
            fenced: self.fenced(),
            user,
            device: self.device.clone(),
            class: self.class.clone(),
            send: self.rare().send.clone(),
            joined: self.joined,
            after,
            replay,
            resumed,
            first: self.first && !resumed,
            token: self.token,
        }
    }
}
