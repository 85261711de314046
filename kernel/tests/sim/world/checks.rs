//! Checks: what must hold after every step, whatever it was.

use std::{collections::BTreeSet, time::Duration};

use kernel::{
    message::{Fenced, Notice},
    moment::Moment,
    registry::{Census, Presence},
    shard::Shard,
};
use protocol::name::UserId;

use super::{
    USERS, World,
    carrying::{Answer, Call},
};
use crate::{
    device::Phase,
    oracle::{Promise, Whereabouts},
    socket::Gone,
};

/// A silent socket is asked, given time, and looked after once a second.
const SILENCE_MS_MAX: u64 = 25_000 + 10_000 + 5_000;

/// Sessions are looked after once a second.
pub(super) const DRAIN_MARGIN: Duration = Duration::from_secs(2);

impl World {
    pub(super) fn all_is_as_promised(&mut self) {
        self.oracle.people_are_as_promised();
        self.ends_are_told();
        self.nobody_is_a_ghost();
    }

    /// What the registry lists of a user is what the oracle knows.
    pub(super) fn user_agrees(&mut self, user: &UserId) {
        let listed = self.registry.sessions_of(self.clock.engine, user);
        self.oracle.agrees(user, &listed);
    }

    pub(super) fn all_agree(&mut self) {
        for user in USERS {
            let user = UserId::parse(user).unwrap();
            self.user_agrees(&user);
            let Presence { live, parked, .. } = self.registry.presence(self.clock.engine, &user);
            self.oracle.counts(Some(&user), live as usize, parked as usize);
        }
        let Census { live, parked, .. } = self.registry.census(self.clock.engine);
        self.oracle.counts(None, live, parked);
    }

    /// The node of a socket whose admission counts no more is being told so.
    fn ends_are_told(&mut self) {
        for socket in self.sockets.values() {
            if !self.places.contains_key(&socket.place) || !self.oracle.is_void(socket.fenced) {
                continue;
            }
            let fenced = socket.fenced;
            let ends = |over: &Fenced| over.session == fenced.session && over.fence >= fenced.fence;
            let told = self.nodes[socket.place.node].mail.iter().any(|envelope| {
                matches!(&envelope.what.notice, Notice::End { sessions, .. } if sessions.iter().any(ends))
            });
            self.oracle.check(Promise::EndTold, told, || {
                format!("{fenced:?} lost its place, and nobody tells n{}", socket.place.node)
            });
        }
    }

    /// Who is live has a socket, or it is on its way that it comes or is lost.
    fn nobody_is_a_ghost(&mut self) {
        let mut known: BTreeSet<(_, u64)> = BTreeSet::new();
        let open = self.sockets.values().filter(|socket| self.places.contains_key(&socket.place));
        known.extend(open.map(|socket| (socket.fenced.session, socket.fenced.fence.0)));
        for call in &self.calls {
            if let Call::Park(_, parting) | Call::Release(_, parting) = &call.what {
                known.insert((parting.fenced.session, parting.fenced.fence.0));
            }
        }
        for answer in &self.answers {
            if let Answer::Admit(_, Ok(admitted)) = &answer.what {
                known.insert((admitted.fenced.session, admitted.fenced.fence.0));
            }
        }
        let mut ghosts = Vec::new();
        for stay in self.oracle.stays() {
            let Whereabouts::Live(node) = &stay.whereabouts else { continue };
            let fenced = stay.fenced();
            let dying = self.leases.iter().any(|(dead, _)| dead == node);
            let is_unsettled = self.calls.iter().any(|call| {
                matches!(&call.what, Call::Admit(connect) | Call::Withdraw(connect)
                    if connect.attempt.token == stay.token)
            });
            if !known.contains(&(fenced.session, fenced.fence.0)) && !dying && !is_unsettled {
                ghosts.push(fenced);
            }
        }
        self.oracle.check(Promise::Agree, ghosts.is_empty(), || {
            format!("{ghosts:?} are live, and have no socket")
        });
    }

    /// After a look: a socket from which nothing came for long is given up.
    pub(super) fn silence_is_noticed(&mut self) {
        for socket in self.sockets.values() {
            let Some(opened_at) = socket.opened_at else { continue };
            if !self.places.contains_key(&socket.place) {
                continue;
            }
            let node = &self.nodes[socket.place.node];
            let is_late = |until: Moment| until.after(DRAIN_MARGIN) < self.clock.now;
            let stays_too_long = node.leaving_until.is_some_and(is_late);
            self.oracle.check(Promise::Drained, !stays_too_long, || {
                format!("{:?} is still at {}, which drains", socket.fenced, node.name)
            });
            let silent_ms = self.clock.now.ms_since(socket.heard.at.max(opened_at));
            let fenced = socket.fenced;
            let is_noticed = silent_ms <= SILENCE_MS_MAX || node.frozen_at.is_some();
            self.oracle.check(Promise::Alive, is_noticed, || {
                format!("{fenced:?} said nothing for {silent_ms} ms, and counts as there")
            });
        }
    }

    /// At rest: every device that is there has all that was for it.
    pub(super) fn all_have_all(&mut self) {
        for device in &self.devices {
            let Phase::Open(id) = device.phase else { continue };
            let Some(socket) = self.sockets.get(&id) else { continue };
            let (who, position) = (socket.fenced.session, device.position);
            self.oracle.follows(who, position);
            let owed = socket.owed.clone();
            self.oracle.check(Promise::Fleeting, owed.is_empty(), || {
                format!("{who} was there and did not get {owed:?}")
            });
        }
    }

    /// At rest: registry, sockets and devices agree.
    pub(super) fn registry_and_sockets_agree(&mut self) {
        let mut held: Vec<_> = Vec::new();
        for socket in self.sockets.values().filter(|s| self.places.contains_key(&s.place)) {
            let node = &self.nodes[socket.place.node].name;
            held.push((socket.fenced.session, node.id.to_string()));
            let there = matches!(self.devices[socket.device].phase, Phase::Open(_));
            let gone = socket.gone == Some(Gone::Silently);
            self.oracle.check(Promise::Agree, there && !gone, || {
                format!("{:?} is served, and nobody is there", socket.fenced)
            });
        }
        let known = self.registry.sessions(self.clock.engine, None, usize::MAX);
        let live =
            known.into_iter().filter(|session| session.state == protocol::http::SessionState::Live);
        let mut known: Vec<_> = live.map(|session| (session.id, session.node)).collect();
        held.sort();
        known.sort();
        self.oracle.check(Promise::Agree, held == known, || {
            format!("sockets: {held:?}\nregistry: {known:?}")
        });
    }

    /// At rest: whoever was admitted is here by now, and nobody's end is kept for later.
    pub(super) fn shards_remember_nothing(&mut self) {
        for node in &self.nodes {
            let early_ends: usize = node.shards.iter().map(Shard::early_ends).sum();
            self.oracle.check(Promise::Bounded, early_ends == 0, || {
                format!("{} remembers {early_ends} ends", node.name)
            });
        }
    }
}
