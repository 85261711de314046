//! Steps: what a random play does, at both sides.

use std::time::Duration;

use kernel::{
    message::{Fence, Fenced},
    registry::{
        self, Attempt, Blocking, Census, Draft, Ended, Grant, Key, KeyScope, Proof, Reader, Touch,
        Verdict, Which, Withdrawn,
    },
};
use protocol::{
    close::CloseCode,
    grant::{Origin, Policy, Scope, SendGrant, WhenFull},
    http::Session,
    target::Target,
};

use super::{
    super::stage::{class, data, device, grant, origin},
    Play,
};
use crate::contract::{
    Admission, Departed, Departure, Ending, Failed, NotAdmitted, NotAppended, NotMinted, Query,
};

impl Play<'_> {
    pub(super) async fn step(&mut self) {
        match self.dice.below(100) {
            0..14 => self.mint().await,
            14..28 => self.try_ticket().await,
            28..32 => self.try_again().await,
            32..44 => self.resume().await,
            44..56 => self.depart().await,
            56..62 => self.touch().await,
            62..80 => self.append().await,
            80..84 => self.read().await,
            84..86 => self.end().await,
            86 => self.block().await,
            87 => self.lift().await,
            88 => self.hold().await,
            91..93 => self.withdraw().await,
            89 => self.list().await,
            90 => self.count().await,
            93..97 => self.pass().await,
            _ => self.sweep().await,
        }
        self.same_mail().await;
    }

    async fn mint(&mut self) {
        let user = self.some_user();
        let ticket = self.stage.ticket(&user);
        let grant = Grant {
            device: self.dice.one_of(&[None, Some("d1"), Some("d2")]).map(device),
            class: self.dice.one_of(&[None, Some("phone"), Some("desktop")]).map(class),
            policy: Policy {
                max: *self.dice.one_of(&[1, 2, 3, 4, 128]),
                per: *self.dice.one_of(&[Scope::User, Scope::Class, Scope::Device]),
                when_full: *self.dice.one_of(&[WhenFull::Replace, WhenFull::Reject]),
            },
            send: self.dice.one_of(&[SendGrant::None, SendGrant::Any]).clone(),
            origin: self.some_origin(),
            max_age: self.dice.chance(20).then(|| self.dice.ms(400_000)),
            ..grant(&user)
        };
        let ttl = self.dice.ms(60_000);
        self.say(("mint", ticket.partition(), &grant, ttl));
        let now = self.now();
        let expected = self.model.of(&user).mint(now, ticket, grant.clone(), ttl);
        let expires_at = self.stage.engine(0).mint(ticket, grant, ttl).await;
        self.same(&expires_at, &expected.ok_or(NotMinted::Blocked));
        self.tickets.push(ticket);
    }

    fn some_origin(&mut self) -> Option<Origin> {
        let origins = [None, None, None, Some("https://a.example"), Some("https://b.example")];
        self.dice.one_of(&origins).map(origin)
    }

    async fn try_ticket(&mut self) {
        let Some(ticket) = Self::recent(&mut self.dice, &self.tickets) else { return };
        let after = self.dice.chance(25).then(|| self.some_position());
        self.attempt(Proof::Ticket(ticket, after)).await;
    }

    async fn resume(&mut self) {
        let Some(token) = Self::recent(&mut self.dice, &self.tokens) else { return };
        let after = self.some_position();
        self.attempt(Proof::Resume(token, after)).await;
    }

    async fn attempt(&mut self, proof: Proof) {
        let n = self.dice.below(3);
        let origin = self.some_origin();
        let origin_allowed = self.dice.chance(60);
        let attempt = Attempt { origin, origin_allowed, ..self.stage.attempt(proof, n) };
        self.admit(attempt).await;
    }

    async fn try_again(&mut self) {
        let Some(attempt) = Self::recent(&mut self.dice, &self.attempts) else { return };
        self.admit(attempt).await;
    }

    async fn admit(&mut self, attempt: Attempt) {
        self.say(&attempt);
        let now = self.now();
        let (verdict, mail) = self.model.at_session(attempt.session).admit(now, &attempt);
        self.model.mail.extend(mail);
        let expected = match verdict {
            Verdict::Admitted { admitted, ended } => {
                self.tokens.push(admitted.token);
                self.sessions.push(admitted.fenced);
                self.positions.push(admitted.joined);
                Ok(Admission { admitted, ended })
            }
            Verdict::Asked(asked) => Err(NotAdmitted::Asked(asked)),
            Verdict::Refused(code) => Err(NotAdmitted::Refused(code)),
        };
        let answer = self.stage.engine(self.dice.below(3)).admit(attempt.clone()).await;
        self.same(&answer, &expected);
        self.attempts.push(attempt);
    }

    async fn withdraw(&mut self) {
        let Some(mut attempt) = Self::recent(&mut self.dice, &self.attempts) else { return };
        if self.dice.chance(30) {
            // One that is still to be tried.
            attempt = self.stage.attempt(attempt.proof, 0);
            self.attempts.push(attempt.clone());
        }
        self.say(("withdraw", &attempt));
        let now = self.now();
        let (expected, mail) = self.model.at_session(attempt.session).withdraw(now, &attempt);
        self.model.mail.extend(mail);
        let expected = match expected {
            Withdrawn::Nothing => Departed::Void,
            Withdrawn::Parked => Departed::Parked,
            Withdrawn::Ended(ended) => Departed::Ended { last: ended.last },
        };
        let withdrawn = self.stage.engine(1).withdraw(&attempt).await;
        self.same(&withdrawn, &Ok(expected));
    }

    /// A session at one of its admissions, which may be over.
    fn some_fenced(&mut self) -> Option<Fenced> {
        let fenced = self.some_session()?;
        let strange = self.dice.chance(5);
        let fence = if strange { Fence(fenced.fence.0 + 1) } else { fenced.fence };
        Some(Fenced { fence, ..fenced })
    }

    async fn depart(&mut self) {
        let Some(fenced) = self.some_fenced() else { return };
        let left = Departure::End(CloseCode::CannotResume);
        let faulty = Departure::End(CloseCode::ProtocolError);
        let departure = *self.dice.one_of(&[Departure::Park, Departure::Park, left, faulty]);
        self.say((fenced, departure));
        let now = self.now();
        let registry = self.model.at_session(fenced.session);
        let (expected, mail) = match departure {
            Departure::Park => {
                let (parked, mail) = registry.park(now, fenced);
                (if parked { Departed::Parked } else { Departed::Void }, mail)
            }
            Departure::End(code) => {
                let (ended, mail) = registry.release(now, fenced, code);
                let departed = |ended: Ended| Departed::Ended { last: ended.last };
                (ended.map_or(Departed::Void, departed), mail)
            }
        };
        self.model.mail.extend(mail);
        let departed = self.stage.engine(0).depart(fenced, departure).await;
        self.same(&departed, &Ok(expected));
    }

    async fn touch(&mut self) {
        let Some(fenced) = self.some_fenced() else { return };
        let acked = Touch::Acked(self.some_position());
        let touch = *self.dice.one_of(&[Touch::Active, Touch::Welcomed, Touch::Alive, acked]);
        self.say((fenced, touch));
        let now = self.now();
        let mail = self.model.at_session(fenced.session).touch(now, fenced, touch);
        self.model.mail.extend(mail);
        let touched = self.stage.engine(0).touch(fenced, touch).await;
        self.same(&touched, &Ok(()));
        self.look(&Query::Session(fenced.session)).await;
    }

    async fn append(&mut self) {
        let user = self.some_user();
        let one = self.some_session().map(|fenced| fenced.session);
        let to = [
            Target::All,
            Target::All,
            Target::Active,
            Target::Device(device("d1")),
            Target::Class(class("phone")),
            one.map_or(Target::All, Target::Session),
        ];
        let draft = Draft {
            data: data(&"x".repeat(self.dice.below(300))),
            to: self.dice.one_of(&to).clone(),
            except: one.filter(|_| self.dice.chance(10)),
            volatile: self.dice.chance(10),
            ttl: self.dice.chance(20).then(|| self.dice.ms(100_000)),
            echo_of: self.dice.chance(10).then(|| self.users[0].clone()),
            key: self.dice.chance(40).then(|| self.some_key()),
            ..self.stage.draft()
        };
        self.say((&user, &draft));
        let now = self.now();
        let expected = match self.model.of(&user).append(now, &user, draft.clone()) {
            Ok((receipt, mail)) => {
                self.model.mail.extend(mail);
                self.positions.extend(receipt.position);
                Ok(receipt)
            }
            Err(registry::NotAppended::KeyReused) => Err(NotAppended::KeyReused),
            Err(registry::NotAppended::TooManyKeys) => Err(Failed::NotDone.into()),
        };
        let receipt = self.stage.engine(1).append(&user, draft).await;
        self.same(&receipt, &expected);
    }

    fn some_key(&mut self) -> Key {
        let scopes = [KeyScope::Backend("k".into()), KeyScope::User(self.users[0].clone())];
        Key {
            scope: self.dice.one_of(&scopes).clone(),
            text: (*self.dice.one_of(&["a", "b", "c"])).into(),
            fingerprint: u128::from(self.dice.chance(20)),
        }
    }

    async fn block(&mut self) {
        let user = self.some_user();
        let blocking = match self.dice.below(3) {
            0 => Blocking::Set(None),
            1 => Blocking::Set(Some(self.dice.ms(30_000))),
            _ => Blocking::Lift,
        };
        self.say((&user, blocking));
        let now = self.now();
        let (expected, mail) = self.model.of(&user).block(now, &user, blocking);
        self.model.mail.extend(mail);
        let ended = self.stage.engine(0).block(&user, blocking).await;
        self.same(&ended, &Ok(expected));
    }

    async fn lift(&mut self) {
        for user in self.users.clone() {
            let now = self.now();
            self.model.of(&user).block(now, &user, Blocking::Lift);
            let lifted = self.stage.engine(0).block(&user, Blocking::Lift).await;
            self.same(&lifted, &Ok(Vec::new()));
        }
    }

    async fn hold(&mut self) {
        let Some(token) = Self::recent(&mut self.dice, &self.tokens) else { return };
        let wait = self.dice.ms(300_000);
        self.say(("hold", token.partition(), wait));
        let now = self.now();
        self.model.at(token.partition()).hold(now, token, wait);
        let held = self.stage.engine(0).hold(token, wait).await;
        self.same(&held, &Ok(()));
    }

    async fn count(&mut self) {
        let now = self.now();
        let users = self.users.clone();
        let expected = users.iter().map(|user| self.model.of(user).presence(now, user)).collect();
        let presence = self.stage.engine(0).presence(&users).await;
        self.same(&presence, &Ok(expected));
        let mut expected = Census::default();
        for registry in self.model.partitions.values() {
            let one = registry.census(now);
            expected.users += one.users;
            expected.live += one.live;
            expected.parked += one.parked;
        }
        let census = self.stage.engine(0).census().await;
        self.same(&census, &Ok(expected));
        let blocks = self.model.partitions.iter();
        let expected = blocks.flat_map(|(_, registry)| registry.blocks(now, None, 100)).collect();
        let blocks = self.stage.engine(0).blocks(None, 100).await;
        self.same(&blocks, &Ok(expected));
    }

    async fn read(&mut self) {
        let Some(fenced) = self.some_session() else { return };
        let its_user = self.model.at_session(fenced.session).user_of(fenced.session).cloned();
        let user = its_user.filter(|_| self.dice.chance(90)).unwrap_or_else(|| self.some_user());
        let reader = Reader { user, fenced, after: self.some_position() };
        let (messages, bytes) = (1 + self.dice.below(20), 1 + self.dice.below(3000));
        self.say(("read", &reader, messages, bytes));
        let now = self.now();
        let expected = self.model.of(&reader.user).read(now, &reader, messages, bytes);
        let page = self.stage.engine(0).read(&reader, messages, bytes).await;
        self.same(&page, &Ok(expected));
    }

    async fn end(&mut self) {
        let one = self.some_session().map(|fenced| fenced.session);
        let (user, all) = (self.some_user(), self.dice.chance(50));
        let code = *self.dice.one_of(&[CloseCode::ClosedByBackend, CloseCode::Forbidden]);
        let now = self.now();
        let (ending, (expected, mail)) = match one {
            Some(session) if !all => {
                let registry = self.model.at_session(session);
                let whose = registry.user_of(session).cloned();
                let ended = whose.map(|user| registry.end(now, &user, Which::One(session), code));
                (Ending::Session(session), ended.unwrap_or_default())
            }
            except => {
                let except = except.filter(|_| self.dice.chance(50));
                let ended = self.model.of(&user).end(now, &user, Which::AllBut(except), code);
                (Ending::User { user, except }, ended)
            }
        };
        self.say((&ending, code));
        self.model.mail.extend(mail);
        let ended = self.stage.engine(2).end(&ending, code).await;
        self.same(&ended, &Ok(expected));
    }

    async fn list(&mut self) {
        self.look(&Query::User(self.users[0].clone())).await;
        let user = self.some_user();
        self.look(&Query::User(user)).await;
        if let Some(fenced) = self.some_session() {
            self.look(&Query::Session(fenced.session)).await;
        }
        let now = self.now();
        let all = self.model.partitions.values().flat_map(|r| r.sessions(now, None, usize::MAX));
        let mut expected: Vec<Session> = all.collect();
        let (most, mut listed, mut after) = (1 + self.dice.below(6), Vec::new(), None);
        loop {
            let query = Query::All { after, most };
            let page = self.stage.engine(0).sessions(&query).await.expect("lists can be read");
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            listed.extend(page);
            assert!(listed.len() <= expected.len(), "{listed:#?} is more than {expected:#?}");
        }
        expected.sort_by_key(|session| session.id);
        listed.sort_by_key(|session| session.id);
        self.same(&listed, &expected);
    }

    async fn look(&mut self, query: &Query) {
        let now = self.now();
        let expected = match query {
            Query::Session(session) => {
                self.model.at_session(*session).session(now, *session).into_iter().collect()
            }
            Query::User(user) => self.model.of(user).sessions_of(now, user),
            Query::All { .. } => return,
        };
        let shown = self.stage.engine(0).sessions(query).await;
        self.same(&shown, &Ok(expected));
    }

    async fn pass(&mut self) {
        let terms = self.stage.rig.terms();
        let time = match self.dice.below(12) {
            0 => terms.resume_window,
            1 => terms.stream.age,
            2 => self.dice.ms(200_000),
            3..6 => self.dice.ms(20_000),
            _ => self.dice.ms(500),
        };
        self.say(time.max(Duration::from_millis(1)));
        self.stage.rig.pass(time).await;
    }

    /// All partitions, whichever the engine comes past first.
    async fn sweep(&mut self) {
        self.say("sweep");
        let now = self.now();
        let (mut expected, mut mail) = (Vec::new(), Vec::new());
        for registry in self.model.partitions.values_mut() {
            let swept = registry.sweep(now, usize::MAX, |_| true);
            expected.extend(swept.ended);
            mail.extend(swept.mail);
        }
        self.model.mail.extend(mail);
        let mut ended = self.stage.sweep().await;
        let of_user = |one: &Ended| one.user.clone();
        expected.sort_by_key(of_user);
        ended.sort_by_key(of_user);
        self.same(&ended, &expected);
    }
}
