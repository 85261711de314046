//! Mischief: the faults that are planted, each around the kernel and not in it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kernel::{
    message::{Audience, Message},
    registry::{Admitted, Attempt, Blocking, Draft, Mail, Proof, Reader, Receipt, Verdict},
    stream::Page,
};
use protocol::{
    close::CloseCode,
    frame::{self, GapReason, ToSession},
    grant::{Policy, SendGrant, WhenFull},
    id::Ticket,
    name::UserId,
    time::Timestamp,
};

use super::World;
use crate::{fault::Fault, wire};

/// What is kept for later mischief.
#[derive(Debug, Default)]
pub(super) struct Mischief {
    /// Messages that should not be kept.
    volatile: Vec<(UserId, Arc<Message>)>,
    /// The last message to everyone.
    pub(super) everyone: Option<Arc<Message>>,
}

impl Mischief {
    pub(super) fn keeps(&mut self, fault: Option<Fault>, user: &UserId, message: &Arc<Message>) {
        if fault == Some(Fault::VolatileKept) && message.position.is_none() {
            self.volatile.push((user.clone(), Arc::clone(message)));
        }
    }

    /// What somebody gets who came after it was sent.
    pub(super) fn for_latecomer(
        &self,
        fault: Option<Fault>,
        user: &UserId,
        resumed: bool,
    ) -> Option<Bytes> {
        let message = match fault {
            Some(Fault::EveryoneToLatecomer) if !resumed => {
                self.everyone.as_ref().filter(|message| message.to == Audience::All)
            }
            Some(Fault::VolatileKept) if resumed => {
                let of_user = self.volatile.iter().rev().find(|(of, _)| of == user);
                of_user.map(|(_, message)| message)
            }
            _ => None,
        };
        let message = message?;
        Some(wire::encode(&ToSession::Message(frame::Message {
            id: message.id,
            position: None,
            data: &message.data,
            at: message.at,
            from: message.from.as_ref(),
            echo_of: message.echo_of.as_ref(),
            replayed: false,
        })))
    }
}

impl World {
    pub(super) fn goes_wrong(&mut self, fault: Fault, percent: usize) -> bool {
        self.fault == Some(fault) && self.dice.chance(percent)
    }

    /// Before the engine looks at a ticket.
    pub(super) fn spoils_ticket(&mut self, ticket: Ticket) {
        let Some(grant) = self.grants.get(&ticket) else { return };
        if self.fault == Some(Fault::TicketNotSpent) {
            let (now, ttl) = (self.clock.engine, Duration::from_secs(20));
            self.registry.mint(now, ticket, grant.clone(), ttl);
        }
    }

    /// After the engine has looked at an attempt.
    pub(super) fn spoiled_verdict(&mut self, verdict: Verdict, attempt: &Attempt) -> Verdict {
        match verdict {
            Verdict::Refused(CloseCode::Replaced | CloseCode::ClosedByBackend)
                if self.fault == Some(Fault::EndCodeForgotten) =>
            {
                Verdict::Refused(CloseCode::CannotResume)
            }
            Verdict::Asked(_) if self.fault == Some(Fault::NobodyAsked) => {
                Verdict::Refused(CloseCode::LimitReached)
            }
            Verdict::Admitted { mut admitted, ended } => {
                let is_new = matches!(attempt.proof, Proof::Ticket(..));
                admitted.first |= is_new && self.fault == Some(Fault::OnlineTwice);
                Verdict::Admitted { admitted, ended }
            }
            Verdict::Refused(_) | Verdict::Asked(_) => verdict,
        }
    }

    /// The policy that the engine is given for one that was asked for.
    pub(super) fn spoiled_policy(&self, policy: Policy) -> Policy {
        match self.fault {
            Some(Fault::OnePlaceTooMany) => Policy { max: policy.max + 1, ..policy },
            Some(Fault::RejectReplaces) => Policy { when_full: WhenFull::Replace, ..policy },
            _ => policy,
        }
    }

    /// On the way from the engine to a shard.
    pub(super) fn spoils_admitted(&mut self, admitted: &mut Admitted) {
        if admitted.resumed && self.goes_wrong(Fault::ResumedTooLate, 10) {
            admitted.after.seq += 1;
        }
        if self.fault == Some(Fault::GrantIgnored) {
            admitted.send = SendGrant::Any;
        }
    }

    /// After a user was blocked.
    pub(super) fn spoils_block(&mut self, user: &UserId, mail: &mut Vec<Mail>) {
        if self.fault == Some(Fault::BlockNotTold) {
            mail.clear();
        }
        if self.fault == Some(Fault::BlockForgotten) {
            self.registry.block(self.clock.engine, user, Blocking::Lift);
        }
    }

    /// By which time the engine judges what is over in a stream.
    pub(super) fn spoiled_now(&self) -> Timestamp {
        match self.fault {
            Some(Fault::ExpiredReplayed) => Timestamp(0),
            _ => self.clock.engine,
        }
    }

    /// What one reads that has lost its place.
    pub(super) fn spoiled_stranger(&mut self, reader: &Reader, page: Option<Page>) -> Option<Page> {
        if page.is_some() || self.fault != Some(Fault::StrangerReads) {
            return page;
        }
        let fenced = self.oracle.somebody(&reader.user)?;
        let reader = Reader { fenced, ..reader.clone() };
        self.registry.read(self.clock.engine, &reader, 10, 1000)
    }

    /// A page on its way to a shard.
    pub(super) fn spoiled_page(&mut self, mut page: Page) -> Page {
        let some = (!page.messages.is_empty()).then(|| self.dice.below(page.messages.len()));
        match (self.fault, some) {
            (Some(Fault::ReplaySkipsOne), Some(some)) => {
                page.messages.remove(some);
            }
            (Some(Fault::ReplayDoublesOne), Some(some)) => {
                let again = Arc::clone(&page.messages[some]);
                page.messages.insert(some, again);
            }
            (Some(Fault::GapNotTold), _) => {
                page.gap.take_if(|gap| gap.reason != GapReason::Epoch);
            }
            _ => {}
        }
        page
    }

    /// A message on its way to the engine.
    pub(super) fn spoils_key(&mut self, draft: &mut Draft) {
        if self.goes_wrong(Fault::KeyForgotten, 50) {
            draft.key = None;
        }
        if let Some(key) = &mut draft.key
            && self.fault == Some(Fault::KeyMixedUp)
        {
            key.fingerprint = 0;
        }
    }

    pub(super) fn spoils_receipt(&mut self, receipt: &mut Receipt) {
        if self.fault == Some(Fault::ParkedCountedLive) {
            receipt.live += std::mem::take(&mut receipt.parked);
        }
    }

    /// How often a frame is written.
    pub(super) fn spoiled_times(&mut self, frame: &Bytes) -> usize {
        let is_message = frame.starts_with(b"message");
        let to_everyone = self.mischief.everyone.as_ref().is_some_and(|message| {
            frame.starts_with(format!("message {} ", message.id).as_bytes())
        });
        match self.fault {
            Some(Fault::FrameSentTwice) if is_message && self.dice.chance(5) => 2,
            Some(Fault::EveryoneMissesOne) if to_everyone && self.dice.chance(20) => 0,
            _ => 1,
        }
    }
}
