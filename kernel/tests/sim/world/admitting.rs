//! Admitting: the engine gives attempts their places, and the oracle judges.

use kernel::registry::{Mail, Proof, Verdict};
use protocol::close::CloseCode;

use super::{
    World,
    carrying::{Answer, Call, Connect, Late, Stage},
};
use crate::told::Case;

impl World {
    pub(super) fn admit(&mut self, connect: Connect) {
        let attempt = &connect.attempt;
        if let Proof::Ticket(ticket, _) = attempt.proof {
            self.spoils_ticket(ticket);
        }
        let (verdict, mail) = self.registry.admit(self.clock.engine, attempt);
        let verdict = self.spoiled_verdict(verdict, attempt);
        self.say(format_args!(
            "device {} {:?} at n{}: {verdict:?}",
            connect.device, attempt.proof, connect.node
        ));
        match attempt.proof {
            Proof::Ticket(ticket, after) => {
                let user = &self.devices[connect.device].user;
                let listed = self.registry.sessions_of(self.clock.engine, user);
                self.oracle.judges_ticket(attempt, ticket, after, &verdict, &listed);
                self.oracle.tells_by_whom(attempt, ticket, &mail);
            }
            Proof::Resume(token, after) => {
                self.oracle.judges_resume(attempt, token, after, &verdict);
            }
        }
        self.post(mail);
        let answer = match verdict {
            Verdict::Refused(code) => Err(code),
            Verdict::Asked(asked) => return self.wait_for_answers(connect, asked),
            Verdict::Admitted { admitted, .. } => {
                self.user_agrees(&admitted.user);
                if !self.resting && connect.stage != Stage::GivenUp && self.dice.chance(5) {
                    self.oracle.count(Case::AnswerLost);
                    return self.does_not_know(connect);
                }
                self.oracle.count_if(Case::AdmittedAfterAnswers, connect.stage == Stage::Again);
                Ok(admitted)
            }
        };
        if connect.stage != Stage::GivenUp {
            self.answers(connect.since, Answer::Admit(connect, answer));
        }
    }

    /// The answer to an attempt was lost: its node tries again, or gives it up.
    fn does_not_know(&mut self, connect: Connect) {
        let since = connect.since;
        match self.dice.chance(50) {
            true => self.calls.push(Late { since, what: Call::Admit(connect) }),
            false => self.gives_up_attempt(connect),
        }
    }

    /// A node waits no longer for the answer to an attempt, which may not even have come.
    pub(super) fn gives_up_attempt(&mut self, connect: Connect) {
        let since = connect.since;
        self.calls.push(Late { since, what: Call::Withdraw(connect.clone()) });
        self.answers(since, Answer::Admit(connect, Err(CloseCode::Overloaded)));
    }

    pub(super) fn post(&mut self, mail: Vec<Mail>) {
        let since = self.clock.now;
        for Mail { node, envelope } in mail {
            if let Some(node) = self.nodes.iter_mut().find(|n| n.name == node) {
                node.mail.push(Late { since, what: envelope });
            }
        }
    }
}
