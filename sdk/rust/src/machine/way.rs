//! Way: to a socket, and away from one that is gone.

use std::time::Duration;

use protocol::close::{Advice, CloseCode};

use super::{HINT_MAX, Machine, Output, Phase, moment::Moment};
use crate::{
    state::{Cause, Closed, End, State},
    ticket::{NoTicket, Reason, Ticket},
};

impl Machine {
    /// Takes the way to a socket from its start: with what there is, or by asking for a ticket.
    pub(super) fn connect(&mut self, now: Moment) {
        self.notice = None;
        match self.place.proof(now) {
            Some(proof) => {
                let url = self.urls.dial();
                self.phase = Phase::Dialing { until: now.after(self.pace.connect_max) };
                self.outputs.push_back(Output::Dial { url, proof });
            }
            None => {
                self.phase = Phase::Asking { until: now.after(self.pace.ticket_max) };
                self.outputs.push_back(Output::GetTicket(self.place.reason));
            }
        }
        self.outputs.push_back(Output::Tell(State::Connecting));
    }

    pub(super) fn ticket(&mut self, now: Moment, answer: Result<Ticket, NoTicket>) {
        match answer {
            Ok(ticket) if self.place.is_other(ticket.user.as_ref()) => self.end(End::OtherUser),
            Ok(ticket) => {
                self.urls.offer(&ticket.urls);
                self.place.keep_ticket(now, &ticket);
                self.connect(now);
            }
            Err(NoTicket::Refused(why)) => self.end(End::Refused(why)),
            Err(NoTicket::Later(error)) => self.wait(now, Cause::NoTicket(error.to_string())),
        }
    }

    /// The server closed the socket. The number alone says what to do.
    pub(super) fn closed(&mut self, now: Moment, code: u16, reason: String) {
        let has_left = matches!(&self.phase, Phase::Live(line) if line.has_left);
        if has_left && matches!(code, 1000 | 1005) {
            self.end(End::Left);
            return;
        }
        let by = self.notice.as_ref().and_then(|notice| notice.by.clone());
        let closed = Closed { code, reason, by };
        if code == CloseCode::Drain.number() {
            self.urls.go_elsewhere();
        }
        match closed.advice() {
            Advice::Stop => self.end(End::Closed(closed)),
            Advice::NewTicket => {
                self.place.forget(Reason::of(code));
                match code {
                    // A rule was broken, and may be broken again at once: these waits grow.
                    ..4000 => self.wait(now, Cause::Closed(closed)),
                    _ => {
                        self.retry.answered();
                        self.lost(now, Cause::Closed(closed));
                    }
                }
            }
            Advice::Resume => self.lost(now, Cause::Closed(closed)),
        }
    }

    /// The socket is gone; if it was there for a while, that is no failure.
    pub(super) fn lost(&mut self, now: Moment, cause: Cause) {
        if let Phase::Live(line) = &self.phase
            && now.since(line.since) >= self.pace.stable_after
        {
            self.retry.reset();
        }
        self.wait(now, cause);
    }

    /// There is no socket. Tries again after a while, or when the server said.
    pub(super) fn wait(&mut self, now: Moment, cause: Cause) {
        let wait = self.retry.failed(&self.pace);
        // A socket that broke was not closed as announced; there is no reason to wait for that.
        let told = matches!(cause, Cause::Closed(_) | Cause::Unreachable(_));
        let wait = match self.notice.take().and_then(|notice| notice.back) {
            Some(back) if told => {
                let hint = back.since(now).min(HINT_MAX);
                hint + self.retry.jitter(self.pace.retry_base)
            }
            _ => wait,
        };
        self.stay_away(now, wait, cause);
    }

    pub(super) fn stay_away(&mut self, now: Moment, wait: Duration, cause: Cause) {
        self.notice = None;
        self.outputs.push_back(Output::HangUp);
        self.phase = Phase::Waiting { until: now.after(wait) };
        self.outputs.push_back(Output::Tell(State::Waiting { wait, cause }));
        let settled = self.posts.unwrite();
        self.settle(settled);
        self.leave_if_nothing_is_there();
    }
}
