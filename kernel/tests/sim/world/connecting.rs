//! Connecting: devices that come, come back, and try what they should not.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use kernel::registry::{Attempt, Grant, Proof};
use protocol::{
    grant::{Meta, Origin, Policy, Scope, SendGrant, WhenFull},
    id::{ResumeToken, SessionId, Ticket},
    position::Position,
};

use super::{
    APP, ELSEWHERE, NODES, PARTITION, World,
    carrying::{Answer, Call, Connect, Stage},
};
use crate::{
    device::{Kind, Phase},
    told::Case,
};

const POLICIES: [Policy; 13] = [
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::MULTI,
    Policy::SINGLE,
    Policy { max: 3, per: Scope::User, when_full: WhenFull::Replace },
    Policy { max: 1, per: Scope::Device, when_full: WhenFull::Replace },
    Policy { max: 1, per: Scope::Class, when_full: WhenFull::Replace },
    Policy { max: 1, per: Scope::Class, when_full: WhenFull::Reject },
    Policy { max: 2, per: Scope::User, when_full: WhenFull::Reject },
];

impl World {
    /// A device that is away does something about it, or not yet.
    pub(super) fn come_back(&mut self, device: usize) {
        let here = &self.devices[device];
        let waits = here.back_at > self.clock.now;
        let stopped = here.stopped;
        if self.dice.chance(4) {
            self.double_tab(device);
        } else if stopped && self.dice.chance(80) || waits && self.dice.chance(95) {
            // It does as it was told.
        } else if self.dice.chance(60) {
            self.devices[device].stopped = false;
            self.connect(device);
        }
    }

    /// Those who were told when to come do, and some of the others.
    pub(super) fn some_come_back(&mut self) {
        let now = self.clock.now;
        for device in 0..self.devices.len() {
            let here = &self.devices[device];
            let is_asked = here.back_at <= now && here.back_at.after(Duration::from_secs(2)) > now;
            let percent = if is_asked { 80 } else { 5 };
            let waits = here.stopped || here.back_at > now || here.phase != Phase::Away;
            if !waits && self.dice.chance(percent) {
                self.connect(device);
            }
        }
    }

    /// Some do not do what a close code says, and come back with what they have.
    pub(super) fn may_be_stubborn(&mut self, device: usize, token: Option<ResumeToken>) {
        if self.dice.chance(20) && self.devices[device].kind == Kind::Sdk {
            self.devices[device].token = token;
        }
    }

    /// Another tab of the same device wakes up with a copy of all that one has.
    fn double_tab(&mut self, device: usize) {
        let user = self.devices[device].user.clone();
        let others: Vec<_> = (0..self.devices.len())
            .filter(|other| *other != device && self.devices[*other].user == user)
            .collect();
        let from = self.dice.one_of(&others);
        let source = self.devices[from].clone();
        let here = &mut self.devices[device];
        if here.kind == Kind::Sdk && source.token.is_some() {
            here.token = source.token;
            here.session = source.session;
            here.position = source.position;
            self.oracle.count(Case::TabDoubled);
        }
    }

    /// Two come back to the same session at once, on any nodes, or take the same ticket.
    pub(super) fn race(&mut self) {
        let devices = 0..self.devices.len();
        let away = devices.filter(|n| self.devices[*n].phase == Phase::Away).collect::<Vec<_>>();
        if away.is_empty() || self.dice.chance(50) {
            return;
        }
        let one = self.dice.one_of(&away);
        let user = self.devices[one].user.clone();
        let others: Vec<_> =
            away.into_iter().filter(|n| *n != one && self.devices[*n].user == user).collect();
        if others.is_empty() || self.devices[one].kind != Kind::Sdk {
            return;
        }
        let other = self.dice.one_of(&others);
        let source = self.devices[one].clone();
        let here = &mut self.devices[other];
        here.token = source.token.filter(|_| here.kind == Kind::Sdk);
        (here.session, here.position) = (source.session, source.position);
        self.connect(one);
        if source.token.is_none() {
            self.devices[other].ticket = self.devices[one].ticket;
        }
        self.connect(other);
        self.oracle.count(Case::Raced);
    }

    pub(super) fn connect(&mut self, device: usize) {
        let staying: Vec<_> = (0..NODES).filter(|node| !self.nodes[*node].is_leaving()).collect();
        let node = self.dice.one_of(&staying);
        let number = self.next();
        let Some(proof) = self.proof(device) else { return };
        let origin = match self.dice.chance(3) {
            true => Some(Origin::parse(ELSEWHERE).unwrap()),
            false => self.devices[device].origin.clone(),
        };
        let origin_allowed = origin.as_ref().is_some_and(|origin| origin.as_str() == APP);
        let attempt = Attempt {
            proof,
            session: SessionId::new(PARTITION, u128::from(number)),
            token: ResumeToken::new(PARTITION, u128::from(number)),
            node: Arc::clone(&self.nodes[node].name),
            address: Ipv4Addr::LOCALHOST.into(),
            origin,
            origin_allowed,
        };
        self.devices[device].phase = Phase::Connecting(number);
        let connect = Connect {
            since: self.clock.now,
            node,
            life: self.nodes[node].life(),
            device,
            number,
            attempt: Box::new(attempt),
            stage: Stage::First,
        };
        self.passes_gate(connect);
    }

    /// A node takes only so many in a second; who comes too early is told when to come.
    fn passes_gate(&mut self, connect: Connect) {
        if self.resting || !self.dice.chance(8) {
            if !self.resting && self.dice.chance(2) {
                // What the node has asked of the engine still comes.
                self.calls(Call::Admit(Connect { stage: Stage::GivenUp, ..connect.clone() }));
                return self.gives_up_attempt(connect);
            }
            return self.calls(Call::Admit(connect));
        }
        let wait = match self.dice.chance(40) {
            true => self.dice.ms(500, 3000),
            false => self.dice.ms(500, 59_500),
        };
        match connect.attempt.proof {
            Proof::Resume(..) => self.calls(Call::Hold(connect, wait)),
            Proof::Ticket(..) => self.answers(connect.since, Answer::Later(connect, wait)),
        }
    }

    /// With what it connects; nothing if its user is kept out.
    fn proof(&mut self, device: usize) -> Option<Proof> {
        let token = self.devices[device].token;
        if let Some(token) = token.filter(|_| self.devices[device].kind == Kind::Sdk)
            && self.dice.chance(92)
        {
            if self.dice.chance(3) {
                self.lie(device);
            }
            return Some(Proof::Resume(token, self.devices[device].position));
        }
        let kept = self.devices[device].ticket.filter(|_| self.dice.chance(80));
        let ticket = kept.or_else(|| self.ticket(device))?;
        self.devices[device].ticket = Some(ticket);
        let after = self.devices[device].position != Position::default() && self.dice.chance(25);
        if after && self.dice.chance(10) {
            self.lie(device);
        }
        Some(Proof::Ticket(ticket, after.then_some(self.devices[device].position)))
    }

    /// It tells a position that never was.
    fn lie(&mut self, device: usize) {
        let device = &mut self.devices[device];
        match self.dice.chance(50) {
            true => device.position.seq += 1000,
            false => device.position.epoch += 1000,
        }
    }

    /// A new ticket, or one that somebody has used or is about to use, or that never was.
    fn ticket(&mut self, device: usize) -> Option<Ticket> {
        let user = self.devices[device].user.clone();
        if self.dice.chance(15) {
            let known = self.tickets.iter().rev().filter(|(of, _)| *of == user);
            let back = if self.dice.chance(80) { 2 } else { 40 };
            let known: Vec<_> = known.map(|(_, ticket)| *ticket).take(back).collect();
            if !known.is_empty() {
                return Some(self.dice.one_of(&known));
            }
        }
        let ticket = Ticket::new(PARTITION, u128::from(self.next()));
        if self.dice.chance(1) {
            return Some(ticket);
        }
        let some = [SendGrant::None, SendGrant::Users([self.some_user()].into())];
        let grant = Grant {
            user: user.clone(),
            device: self.devices[device].id.clone(),
            class: self.devices[device].class.clone(),
            policy: self.dice.one_of(&POLICIES),
            send: match self.dice.below(6) {
                n @ (0 | 1) => some[n].clone(),
                _ => SendGrant::Any,
            },
            origin: self.devices[device].origin.clone().filter(|_| self.dice.chance(30)),
            max_age: self.dice.chance(10).then(|| self.dice.ms(20_000, 300_000)),
            meta: Meta::default(),
        };
        let is_good = self.mint(ticket, grant);
        self.tickets.push((user, ticket));
        (is_good || self.dice.chance(5)).then_some(ticket)
    }

    /// Tells whether the engine has issued it.
    fn mint(&mut self, ticket: Ticket, grant: Grant) -> bool {
        let now = self.clock.engine;
        let ttl = Duration::from_secs(30);
        let asked = Grant { policy: self.spoiled_policy(grant.policy), ..grant.clone() };
        let minted = self.registry.mint(now, ticket, asked, ttl);
        self.grants.insert(ticket, grant.clone());
        self.oracle.minted(ticket, grant, ttl, minted);
        minted.is_some()
    }
}
