//! What the engine does with calls: one registry, and mail to the nodes.

use std::collections::HashSet;

use kernel::registry::{Draft, Mail, Proof, Receipt, Verdict, Which};
use protocol::{
    data::Data,
    grant::{Policy, Scope},
    id::{MessageId, SessionId},
    limit,
    target::Target,
};

use super::*;
use crate::oracle::{Accepted, Facts};

impl World {
    pub(super) fn call(&mut self, call: Call) {
        match call {
            call @ Call::Admit { .. } => self.admit(call),
            Call::Read { place, reader } => {
                let messages = 1 + self.dice.below(20);
                let page = self.registry.read(self.engine_now, &reader, messages, 1500);
                // It lost its place meanwhile; its end is on the way.
                let Some(mut page) = page else { return };
                self.spoil(&mut page);
                let page = (self.resting || !self.dice.chance(1)).then_some(page);
                self.answers.push(Answer::Read { place, page });
            }
            Call::Park(_, parting) => {
                let (parked, mail) = self.registry.park(self.engine_now, parting.fenced);
                self.post(mail);
                self.say(&format!("park {:?} {parked}", parting.fenced));
            }
            Call::Release(_, parting) => {
                let code = parting.end_code();
                let (ended, mail) = self.registry.release(self.engine_now, parting.fenced, code);
                if ended.is_some() {
                    self.oracle.ended(parting.fenced.session);
                }
                self.post(mail);
                self.say(&format!("release {:?}", parting.fenced));
            }
            Call::Touch(_, fenced, touch) => {
                let mail = self.registry.touch(self.engine_now, fenced, touch);
                self.post(mail);
            }
            Call::Send { place, forward } => self.forward(place, &forward),
        }
    }

    /// Does to a page what the fault wants.
    fn spoil(&mut self, page: &mut Page) {
        let some = (!page.messages.is_empty()).then(|| self.dice.below(page.messages.len()));
        match (self.fault, some) {
            (Some(Fault::SkipGap), _) => page.gap = None,
            (Some(Fault::ReplayLessOne), Some(some)) => drop(page.messages.remove(some)),
            (Some(Fault::ReplayOneTwice), Some(some)) => {
                page.messages.insert(some, Arc::clone(&page.messages[some]));
            }
            _ => {}
        }
    }

    fn admit(&mut self, call: Call) {
        let Call::Admit { since, node, device, number, ref attempt, .. } = call else {
            unreachable!("only admissions are given here");
        };
        let user = self.devices[device].user.clone();
        let before = self.registry.sessions_of(self.engine_now, &user);
        let (verdict, mail) = self.registry.admit(self.engine_now, attempt);
        self.say(&format!("device {device} {:?} at n{node}: {verdict:?}", attempt.proof));
        let answer = match verdict {
            Verdict::Refused(code) => {
                let code = match self.fault {
                    Some(Fault::ForgetEndCode) => CloseCode::CannotResume,
                    _ => code,
                };
                if let Proof::Resume(token, _) = attempt.proof {
                    self.oracle.refused(self.latest, token, code);
                }
                Err(code)
            }
            Verdict::Asked(asked) => {
                self.post(mail);
                return self.wait_for_answers(call, asked);
            }
            Verdict::Admitted { admitted, .. } => {
                self.oracle.stands(admitted.fenced.session);
                self.oracle.resumes(attempt.token, admitted.fenced.session);
                match attempt.proof {
                    Proof::Ticket(ticket, after) => {
                        let joined = match after {
                            Some(after) => self.oracle.known(&user, after),
                            None => admitted.joined,
                        };
                        let facts = Facts {
                            user: user.clone(),
                            device: admitted.device.clone(),
                            class: admitted.class.clone(),
                            joined,
                        };
                        if self.oracle.opened(ticket, admitted.fenced.session, facts) {
                            let policy = self.grants[&ticket].policy;
                            self.check_scope(&user, admitted.fenced.session, policy);
                        }
                        if self.fault == Some(Fault::TicketNotSpent) {
                            let grant = self.grants[&ticket].clone();
                            let ttl = Duration::from_secs(30);
                            self.registry.mint(self.engine_now, ticket, grant, ttl);
                        }
                    }
                    Proof::Resume(..) => self.oracle.told.resumed += 1,
                }
                self.note_ended(&user, &before);
                self.post(mail);
                if self.dice.chance(5) {
                    // The answer is lost, and the node tries again.
                    self.calls.push(call);
                    return;
                }
                Ok(admitted)
            }
        };
        self.answers.push(Answer::Admit { since, node, device, number, answer });
    }

    /// Checks the scope of a policy that has just admitted `session`.
    fn check_scope(&mut self, user: &UserId, session: SessionId, policy: Policy) {
        let sessions = self.registry.sessions_of(self.engine_now, user);
        let Some(newcomer) = sessions.iter().find(|s| s.id == session) else { return };
        let counted = sessions.iter().filter(|s| match policy.per {
            Scope::User => true,
            Scope::Class => s.device_class == newcomer.device_class,
            Scope::Device => s.device == newcomer.device,
        });
        let count = counted.count();
        let max = policy.max as usize;
        self.oracle.check(count <= max, || format!("{user} has {count} sessions of {max}"));
    }

    fn note_ended(&mut self, user: &UserId, before: &[protocol::http::Session]) {
        let after: HashSet<_> =
            self.registry.sessions_of(self.engine_now, user).iter().map(|s| s.id).collect();
        for session in before.iter().filter(|session| !after.contains(&session.id)) {
            self.oracle.ended(session.id);
        }
    }

    fn post(&mut self, mail: Vec<Mail>) {
        for Mail { node, envelope } in mail {
            if let Some(node) = self.nodes.iter_mut().find(|n| n.name == node) {
                node.mail.push_back(envelope);
            }
        }
    }

    fn forward(&mut self, place: Place, forward: &Forward) {
        let frame = &forward.frame;
        let id = MessageId::new(PARTITION, u128::from(self.next()));
        let except = (frame.user == forward.user).then_some(forward.session);
        let draft = Draft {
            id,
            data: frame.data.clone(),
            from: Some(forward.user.clone()),
            echo_of: None,
            to: frame.to.clone(),
            except,
            volatile: frame.volatile,
            ttl: frame.ttl,
            key: None,
        };
        self.append(&frame.user, draft.clone());
        if except.is_none() && !frame.volatile {
            let echo = Draft {
                echo_of: Some(frame.user.clone()),
                to: Target::All,
                except: Some(forward.session),
                ..draft
            };
            self.append(&forward.user, echo);
        }
        let outcome = ReplyOutcome::Sent { id, echoed: None };
        self.answers.push(Answer::Send { place, outcome });
    }

    fn append(&mut self, user: &UserId, draft: Draft) {
        let sessions = self.registry.sessions_of(self.engine_now, user);
        let to = match &draft.to {
            Target::Active => Oracle::active(&sessions).map(Target::Session),
            to => Some(to.clone()),
        };
        let (id, except, ttl) = (draft.id, draft.except, draft.ttl);
        let volatile = draft.volatile;
        let appended = self.registry.append(self.engine_now, user, draft);
        let (mut receipt, mail) = appended.expect("nothing is sent again under another's key");
        if self.fault == Some(Fault::CountParkedAsLive) {
            (receipt.live, receipt.parked) = (receipt.live + receipt.parked, 0);
        }
        self.say(&format!("{user} is sent {id} {receipt:?}"));
        let expires_at = ttl.map(|ttl| self.engine_now.after(ttl));
        self.post(mail);
        let Some(to) = to.filter(|_| !sessions.is_empty()) else {
            let nothing = Receipt { id, position: None, live: 0, parked: 0, replayed: false };
            self.oracle.check(receipt == nothing, || format!("{receipt:?} of nobody"));
            return;
        };
        self.oracle
            .check(receipt.position.is_some() != volatile, || format!("{receipt:?}, {volatile}"));
        let accepted = Accepted { id, position: receipt.position, to, except, expires_at };
        let counts = self.oracle.count(&accepted, &sessions);
        self.oracle.check(counts == (receipt.live, receipt.parked), || {
            format!("{id}: {receipt:?}, but {counts:?}")
        });
        self.oracle.accepted(user, accepted);
    }

    pub(super) fn backend_sends(&mut self) {
        let user = UserId::parse(self.dice.one_of(&USERS)).unwrap();
        let sessions = self.registry.sessions_of(self.engine_now, &user);
        let some = (!sessions.is_empty()).then(|| sessions[self.dice.below(sessions.len())].id);
        let (to, some) = (self.target(some), some.filter(|_| self.dice.chance(10)));
        let draft = Draft {
            id: MessageId::new(PARTITION, u128::from(self.next())),
            data: self.data(),
            from: None,
            echo_of: None,
            to,
            except: some,
            volatile: self.dice.chance(10),
            ttl: self.dice.chance(15).then(|| Duration::from_secs(1 + self.dice.next() % 60)),
            key: None,
        };
        let times = if self.dice.chance(1) { 60 } else { 1 };
        for _ in 0..times {
            let id = MessageId::new(PARTITION, u128::from(self.next()));
            self.append(&user, Draft { id, ..draft.clone() });
        }
    }

    pub(super) fn target(&mut self, some: Option<SessionId>) -> Target {
        match (self.dice.below(10), some) {
            (0, _) => Target::Active,
            (1, _) => Target::Device(DeviceId::parse(self.dice.one_of(&["d1", "d2"])).unwrap()),
            (2, _) => Target::Class(DeviceClass::parse("phone").unwrap()),
            (3, Some(session)) => Target::Session(session),
            _ => Target::All,
        }
    }

    pub(super) fn data(&mut self) -> Data {
        let text = "x".repeat(self.dice.below(120));
        let raw = serde_json::value::RawValue::from_string(format!("{text:?}")).unwrap();
        Data::new(&raw).unwrap()
    }

    pub(super) fn backend_ends(&mut self) {
        let user = UserId::parse(self.dice.one_of(&USERS)).unwrap();
        let before = self.registry.sessions_of(self.engine_now, &user);
        if before.is_empty() || !self.dice.chance(30) {
            return;
        }
        let one = before[self.dice.below(before.len())].id;
        let which = match self.dice.below(4) {
            0 => Which::AllBut(None),
            1 => Which::AllBut(Some(one)),
            _ => Which::One(one),
        };
        let code = CloseCode::ClosedByBackend;
        let (ended, mail) = self.registry.end(self.engine_now, &user, which, code);
        self.say(&format!("ended {ended:?}"));
        let until = self.engine_now.after(limit::RESUME_WINDOW);
        for session in &ended {
            self.oracle.ended_by_backend(session.session, until);
        }
        self.note_ended(&user, &before);
        self.post(mail);
    }

    pub(super) fn sweep(&mut self) {
        let most = 1 + self.dice.below(20);
        let swept = self.registry.sweep(self.engine_now, most, |_| true);
        for ended in swept.ended {
            self.say(&format!("swept {ended:?}"));
            self.oracle.ended(ended.session);
        }
        self.post(swept.mail);
    }
}
