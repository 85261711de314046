//! What sessions say.

use std::time::Duration;

use bytes::Bytes;
use protocol::{
    frame::{
        FromSession, Invalid, Received, Reply, ReplyError, ReplyOutcome, SendFrame, ToSession,
        Unread,
    },
    limit,
    position::Position,
};

use super::{Forward, Output, Shard, Slot, Violation, deliver::Need, life::NORMAL};
use crate::{moment::Moment, registry::Touch, session::Ping};

/// The registry learns of activity at most this often.
const ACTIVITY_EVERY: Duration = Duration::from_secs(5);

/// The registry learns of processed messages at most this often.
const ACK_EVERY: Duration = Duration::from_secs(1);

const FLOOD: Violation = Violation { code: 1008, reason: "flood" };

impl Shard {
    pub(super) fn frame(&mut self, now: Moment, slot: Slot, received: Result<Received, Unread>) {
        self.heard(now, slot);
        let rate = self.options.frames;
        let Some(session) = self.get_mut(slot) else { return };
        // Whoever leaves may leave at any rate.
        let leaves = received.as_ref().is_ok_and(|received| received.frame == FromSession::Leave);
        if !leaves && let Err(retry_ms) = session.bucket.take(&rate, now) {
            session.frames_refused += 1;
            if session.frames_refused > limit::FRAMES_REFUSED_MAX {
                self.violation(slot, FLOOD);
                return;
            }
            let reference = match received {
                Ok(received) => received.reference,
                Err(unread) => unread.reference,
            };
            if reference.is_some() {
                let detail = format!("at most {} frames a second", rate.per_second);
                let error = ReplyError {
                    code: "rate-limited".to_owned(),
                    detail,
                    retry_ms: Some(retry_ms),
                };
                self.reply(slot, reference, ReplyOutcome::Refused { error });
            }
            return;
        }
        session.frames_refused = session.frames_refused.saturating_sub(1);
        match received {
            Ok(Received { reference, frame }) => {
                session.bad_frames = 0;
                self.act(now, slot, reference, frame);
            }
            Err(unread) => self.unread(slot, unread),
        }
    }

    fn act(&mut self, now: Moment, slot: Slot, reference: Option<String>, frame: FromSession) {
        match frame {
            FromSession::Send(frame) => self.forward(now, slot, reference, frame),
            FromSession::Active => self.active(now, slot),
            FromSession::Ack(position) => self.ack(now, slot, reference, position),
            FromSession::Ping => {
                self.tell(slot, &ToSession::Pong);
            }
            FromSession::Pong => {}
            FromSession::Leave => self.left(slot, Some(NORMAL)),
            FromSession::Unknown => {
                self.counts.unknown += 1;
                if reference.is_some() {
                    let detail = "this version does not know that type".to_owned();
                    self.refuse(slot, reference, "unknown-type", detail);
                }
            }
        }
    }

    fn forward(
        &mut self,
        now: Moment,
        slot: Slot,
        reference: Option<String>,
        frame: Box<SendFrame>,
    ) {
        let Some(session) = self.get_mut(slot) else { return };
        if !session.may_send_to(&frame.user) {
            let detail = "the ticket of this session did not grant sends to that user".to_owned();
            self.refuse(slot, reference, "forbidden", detail);
            return;
        }
        session.busy = true;
        let forward = Forward {
            session: session.fenced.session,
            user: session.user.clone(),
            reference,
            frame,
        };
        self.active(now, slot);
        self.outputs.push_back(Output::Forward(slot, forward));
    }

    fn active(&mut self, now: Moment, slot: Slot) {
        let Some(session) = self.get_mut(slot) else { return };
        if now.is_within(ACTIVITY_EVERY, session.activity_told) {
            return;
        }
        session.activity_told = now;
        let fenced = session.fenced;
        self.outputs.push_back(Output::Touch(fenced, Touch::Active));
    }

    fn ack(&mut self, now: Moment, slot: Slot, reference: Option<String>, position: Position) {
        let Some(session) = self.get_mut(slot) else { return };
        if position.epoch != session.position.epoch || position > session.position {
            let detail = "position is not one that this session was sent".to_owned();
            self.refuse(slot, reference, Invalid::Field.name(), detail);
            return;
        }
        if now.is_within(ACK_EVERY, session.ack_told) {
            return;
        }
        session.ack_told = now;
        let fenced = session.fenced;
        self.outputs.push_back(Output::Touch(fenced, Touch::Acked(position)));
    }

    fn unread(&mut self, slot: Slot, unread: Unread) {
        let Some(session) = self.get_mut(slot) else { return };
        match unread.invalid {
            Invalid::Json => session.bad_frames += 1,
            Invalid::Frame | Invalid::Field => session.bad_frames = 0,
        }
        let last = session.bad_frames >= limit::BAD_FRAMES_MAX;
        self.refuse(slot, unread.reference, unread.invalid.name(), unread.detail);
        if last {
            let code = protocol::close::CloseCode::ProtocolError;
            self.violation(slot, Violation { code: code.number(), reason: code.name() });
        }
    }

    pub(super) fn replied(&mut self, slot: Slot, reference: Option<String>, outcome: ReplyOutcome) {
        let Some(session) = self.get_mut(slot) else { return };
        session.busy = false;
        if reference.is_some() {
            self.reply(slot, reference, outcome);
        }
    }

    fn refuse(&mut self, slot: Slot, reference: Option<String>, code: &str, detail: String) {
        let error = ReplyError { code: code.to_owned(), detail, retry_ms: None };
        self.reply(slot, reference, ReplyOutcome::Refused { error });
    }

    fn reply(&mut self, slot: Slot, reference: Option<String>, outcome: ReplyOutcome) {
        self.tell(slot, &ToSession::Reply(&Reply { reference, outcome }));
    }

    /// Answers a WebSocket ping; a flood of them is not answered but ended.
    pub(super) fn control_ping(&mut self, now: Moment, slot: Slot, answer: Bytes) {
        self.heard(now, slot);
        let rate = self.options.frames;
        let Some(session) = self.get_mut(slot) else { return };
        match session.bucket.take(&rate, now) {
            Ok(()) => {
                self.write(slot, answer, Need::May);
            }
            Err(_) => self.violation(slot, FLOOD),
        }
    }

    /// Its peer is there, whether or not it said something.
    pub(super) fn is_there(&mut self, now: Moment, slot: Slot) {
        let Some(session) = self.get_mut(slot) else { return };
        session.heard = now;
        if let Some(Ping::Probe(_)) = session.pinged.take() {
            let fenced = session.fenced;
            self.outputs.push_back(Output::Touch(fenced, Touch::Alive));
        }
    }

    /// Any sign of life counts; the first one after the `welcome` of a resume shows that it arrived.
    pub(super) fn heard(&mut self, now: Moment, slot: Slot) {
        self.is_there(now, slot);
        let Some(session) = self.get_mut(slot) else { return };
        if session.unconfirmed && !session.is_opening() {
            session.unconfirmed = false;
            let fenced = session.fenced;
            self.outputs.push_back(Output::Touch(fenced, Touch::Welcomed));
        }
    }
}
