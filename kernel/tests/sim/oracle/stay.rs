//! Stay: what the oracle knows of one session.

use std::sync::Arc;

use kernel::message::{Fence, Fenced, NodeRef};
use protocol::{
    close::CloseCode,
    grant::{Origin, SendGrant},
    id::{ResumeToken, SessionId},
    name::{DeviceClass, DeviceId, UserId},
    position::Position,
    time::Timestamp,
};

/// What never changes in a session.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) user: UserId,
    pub(crate) device: Option<DeviceId>,
    pub(crate) class: Option<DeviceClass>,
    pub(crate) send: SendGrant,
    pub(super) origin: Option<Origin>,
    /// Messages up to here were never for it.
    pub(super) joined: Position,
    /// From where on it asked for messages.
    pub(super) starts_at: Position,
    pub(super) created_at: Timestamp,
    pub(super) ends_at: Timestamp,
    /// Whether it was its user's first when it came.
    pub(super) first: bool,
}

/// Where a session's socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    Live(Arc<NodeRef>),
    Parked { node: Arc<NodeRef>, at: Timestamp, until: Timestamp },
}

/// A session that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    pub(crate) id: SessionId,
    pub(crate) facts: Facts,
    pub(crate) whereabouts: Whereabouts,
    pub(super) fence: Fence,
    pub(super) connected_at: Timestamp,
    pub(super) active_at: Timestamp,
    pub(super) acked: Option<Position>,
    pub(crate) token: ResumeToken,
    /// Good until the session shows that it has the other.
    pub(super) previous_token: Option<ResumeToken>,
    /// When it last answered a probe, at this admission.
    pub(super) answered_at: Option<Timestamp>,
    /// Until when a resume that was refused for now keeps it.
    pub(super) held_until: Option<Timestamp>,
}

/// A session that has ended.
#[derive(Debug, Clone)]
pub(super) struct Gone {
    pub(super) code: CloseCode,
    /// Until when its code is told.
    pub(super) until: Timestamp,
    /// The tokens that were good when it ended.
    pub(super) tokens: [Option<ResumeToken>; 2],
}

impl Stay {
    pub(crate) fn fenced(&self) -> Fenced {
        Fenced { session: self.id, fence: self.fence }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.whereabouts, Whereabouts::Live(_))
    }

    pub(crate) fn node(&self) -> &Arc<NodeRef> {
        match &self.whereabouts {
            Whereabouts::Live(node) | Whereabouts::Parked { node, .. } => node,
        }
    }

    pub(super) fn parked_at(&self) -> Option<Timestamp> {
        match &self.whereabouts {
            Whereabouts::Live(_) => None,
            Whereabouts::Parked { at, .. } => Some(*at),
        }
    }

    /// Whether its window is over.
    pub(super) fn over(&self, now: Timestamp) -> bool {
        match &self.whereabouts {
            Whereabouts::Live(_) => false,
            Whereabouts::Parked { until, .. } => *until <= now,
        }
    }

    /// With which code it ends, if its window is over.
    pub(super) fn over_code(&self, now: Timestamp) -> Option<CloseCode> {
        let code = match self.facts.ends_at <= now {
            true => CloseCode::TooOld,
            false => CloseCode::CannotResume,
        };
        self.over(now).then_some(code)
    }
}
