//! Admissions: from a ticket to a place.

use std::{sync::Arc, time::Duration};

use engine::contract::{Admission, Departure, Failed, NotAdmitted, NotMinted};
use kernel::{
    message::Fenced,
    registry::{Admitted, Attempt, Grant, Proof},
};
use protocol::{
    close::CloseCode,
    event::What,
    http::{TicketReply, TicketRequest},
    limit,
    problem::ProblemCode,
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

use super::{
    Node, Room, not_taken,
    unsettled::{Departing, Step},
};
use crate::{
    answer::{Refusal, retry_wait},
    gate::Gate,
    random,
};

impl Node {
    /// Issues a ticket.
    ///
    /// # Errors
    /// If the user is blocked, or the engine could not.
    pub async fn mint(&self, request: TicketRequest) -> Result<TicketReply, Refusal> {
        let ticket = random::ticket(&request.user);
        let user = request.user.clone();
        let ttl = request.ttl.map_or(self.config.session.ticket_ttl, |ttl| ttl.duration());
        let grant = Grant {
            user: request.user,
            device: request.device,
            class: request.device_class,
            policy: request.policy.unwrap_or_default(),
            send: request.send.unwrap_or_default(),
            origin: request.origin,
            max_age: request.max_age.map(|age| age.duration()),
            meta: request.meta.unwrap_or_default(),
        };
        let expires_at = self.engine.mint(ticket, grant, ttl).await.map_err(|not| match not {
            NotMinted::Blocked => Refusal::plain(ProblemCode::Blocked),
            NotMinted::Failed(failed) => not_taken(failed),
        })?;
        let urls = self.urls(&user);
        Ok(TicketReply { ticket, user, urls, expires_at })
    }

    /// Lets an attempt try where there is room for a session, unless too many do; then after what
    /// time it may come. A session that would have come back is kept until then, and somewhat
    /// longer.
    pub(crate) async fn pass(self: &Arc<Self>, proof: &Proof) -> Result<Room, Duration> {
        let passed = match self.room() {
            Some(room) => self.gate(proof).pass(self.clock.moment()).map(|()| room),
            None => Err(retry_wait()),
        };
        if let (Err(wait), Proof::Resume(token, _)) = (&passed, proof)
            && let Err(error) = self.engine.hold(*token, *wait + limit::HOLD_MARGIN).await
        {
            self.note_untaken("a session that came too early is not held", error);
        }
        passed
    }

    fn gate(&self, proof: &Proof) -> &Gate {
        match proof {
            Proof::Ticket(..) => &self.admissions,
            Proof::Resume(..) => &self.resumes,
        }
    }

    /// Gives a connect attempt its place. One that is not known to have got it has not: whoever
    /// connects is sent away, and the session must not stay.
    pub(crate) async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted> {
        if self.unsettled.is_crowded(attempt.session.partition()) {
            return Err(Failed::NotDone.into());
        }
        let answer = self.find_place(&attempt).await;
        match answer {
            // Made-up tickets would else take the turns of honest ones.
            Err(NotAdmitted::Refused(_)) => self.gate(&attempt.proof).give_back(),
            Err(NotAdmitted::Failed(Failed::Unknown)) => {
                self.unsettled.push(Step::Withdraw(Box::new(attempt)));
            }
            Ok(_) | Err(NotAdmitted::Asked(_) | NotAdmitted::Failed(_)) => {}
        }
        answer
    }

    /// Where live sessions hold all places, they are asked first whether anybody is there.
    async fn find_place(&self, attempt: &Attempt) -> Result<Admitted, NotAdmitted> {
        // Listened to before the question, so that no answer is missed.
        let answers = self.probed.subscribe();
        let asked = match self.engine.admit(attempt.clone()).await {
            Err(NotAdmitted::Asked(asked)) => asked,
            answer => return answer.map(|admission| self.admitted(admission)),
        };
        if timeout(limit::PROBED_WAIT, all_heard_of(answers, asked)).await.is_err() {
            return Err(Failed::NotDone.into());
        }
        match self.engine.admit(attempt.clone()).await {
            // Somebody new is there, and is not proven yet.
            Err(NotAdmitted::Asked(_)) => Err(Failed::NotDone.into()),
            answer => answer.map(|admission| self.admitted(admission)),
        }
    }

    fn admitted(&self, admission: Admission) -> Admitted {
        let Admission { admitted, ended } = admission;
        self.tell_ended(ended);
        if admitted.first {
            self.tell(What::UserOnline { user: admitted.user.clone() });
        }
        *admitted
    }

    /// A session that this node had asked after was heard of, or has gone.
    pub(crate) fn heard_of(&self, fenced: Fenced) {
        // Whoever asked may have given up.
        self.probed.send(fenced).ok();
    }

    /// A session that was admitted, but whose socket was gone before it could know.
    pub(crate) async fn never_welcomed(&self, admitted: &Admitted) {
        let departure = match admitted.resumed {
            true => Departure::Park,
            false => Departure::End(CloseCode::CannotResume),
        };
        // Nobody was told that it is there, but perhaps that its user is.
        let Admitted { fenced, ref user, .. } = *admitted;
        let departing = Departing { fenced, departure, user: user.clone(), code: None };
        self.settle(Step::Depart(departing)).await;
    }
}

/// Returns when each of these sessions was heard of.
async fn all_heard_of(mut answers: Receiver<Fenced>, mut silent: Vec<Fenced>) {
    while !silent.is_empty() {
        match answers.recv().await {
            Ok(fenced) => silent.retain(|one| *one != fenced),
            // What was missed may have been of them; the engine knows.
            Err(RecvError::Lagged(_) | RecvError::Closed) => return,
        }
    }
}
