//! Place: what a session has to come back with, and what it needs.

use std::{fmt, time::Duration};

use protocol::{
    SUBPROTOCOL,
    id::{self, ResumeToken, SessionId},
    limit::TICKET_TTL,
    name::UserId,
    position::Mark,
};

use super::moment::Moment;
use crate::ticket::{Reason, Ticket};

/// How long a ticket that was not used is kept: what it usually lives.
const TICKET_KEPT: Duration = TICKET_TTL;

/// With what a socket is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A new session, which goes on from some place if one is given.
    Ticket(id::Ticket, Option<Mark>),
    /// The session that was.
    Resume(ResumeToken, Mark),
}

impl fmt::Display for Proof {
    /// The subprotocols to offer. They hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticket(ticket, None) => write!(f, "{SUBPROTOCOL}, ticket.{ticket}"),
            Self::Ticket(ticket, Some(after)) => {
                write!(f, "{SUBPROTOCOL}, ticket.{ticket}, after.{after}")
            }
            Self::Resume(token, after) => write!(f, "{SUBPROTOCOL}, resume.{token}, after.{after}"),
        }
    }
}

/// What is known of the session.
#[derive(Debug)]
pub(super) struct Place {
    /// Whose it is, once a `welcome` said so.
    pub(super) user: Option<UserId>,
    /// Which it is or was.
    pub(super) session: Option<SessionId>,
    /// To come back to it.
    token: Option<ResumeToken>,
    /// Up to where everything came.
    pub(super) mark: Option<Mark>,
    /// A ticket that may be good still, and until when it is tried.
    ticket: Option<(id::Ticket, Moment)>,
    /// Why the next ticket is needed.
    pub(super) reason: Reason,
}

impl Place {
    pub(super) fn new(after: Option<Mark>) -> Self {
        Self {
            user: None,
            session: None,
            token: None,
            mark: after,
            ticket: None,
            reason: Reason::Initial,
        }
    }

    /// Whether there is a session to come back to.
    pub(super) fn can_resume(&self) -> bool {
        self.token.is_some()
    }

    /// With what to open a socket now; `None` if a ticket is needed.
    pub(super) fn proof(&mut self, now: Moment) -> Option<Proof> {
        if let (Some(token), Some(mark)) = (self.token, &self.mark) {
            return Some(Proof::Resume(token, mark.clone()));
        }
        let (ticket, until) = self.ticket?;
        if until <= now {
            self.forget(Reason::Expired);
            return None;
        }
        Some(Proof::Ticket(ticket, self.mark.clone()))
    }

    /// Whether a ticket is for somebody else.
    pub(super) fn is_other(&self, user: Option<&UserId>) -> bool {
        matches!((&self.user, user), (Some(ours), Some(theirs)) if ours != theirs)
    }

    pub(super) fn keep_ticket(&mut self, now: Moment, ticket: &Ticket) {
        self.ticket = Some((ticket.ticket, now.after(TICKET_KEPT)));
    }

    /// What there was is good no more, so that a ticket is needed.
    pub(super) fn forget(&mut self, reason: Reason) {
        self.token = None;
        self.ticket = None;
        self.reason = reason;
    }

    pub(super) fn welcomed(
        &mut self,
        session: SessionId,
        user: UserId,
        token: ResumeToken,
        mark: Mark,
    ) {
        self.session = Some(session);
        self.user = Some(user);
        self.token = Some(token);
        self.mark = Some(mark);
        self.ticket = None;
        self.reason = Reason::ResumeLost;
    }
}
