//! People: lists and counts, and steps for sessions by their names.

use std::{collections::BTreeSet, sync::Arc};

use kernel::{
    message::{Fenced, NodeRef},
    registry::{Blocked, Blocking, Census, Ended, Presence, Registry, Touch, Which},
};
use protocol::{
    close::CloseCode, http::Session, id::SessionId, name::UserId, partition::Partition,
};
use redis::{Cmd, Pipeline};

use super::{
    Redis, kept,
    link::Fault,
    look::{Look, Seen},
    script,
    step::Manner,
    wire,
};
use crate::contract::{Departed, Departure, Ending, Failed, Query};

/// Users that are looked at in one go.
const LOOKS: usize = 128;

/// Who is there in one partition: users, live and parked sessions, and nodes that are lost.
type Counted = (usize, usize, usize, Vec<String>);

impl Redis {
    pub(super) async fn get(
        &self,
        partition: Partition,
        key: &str,
    ) -> Result<Option<String>, Fault> {
        self.ask(partition, Cmd::new().arg("GET").arg(key)).await
    }

    /// The user of a session.
    async fn user_of(&self, session: SessionId) -> Result<Option<UserId>, Fault> {
        if let Some(user) = self.roll.user_of(session) {
            return Ok(Some(user));
        }
        let found = self.get(session.partition(), &self.keys.session(session)).await?;
        found.map(|name| kept::user(&name)).transpose()
    }

    pub(super) async fn let_go(
        &self,
        fenced: Fenced,
        departure: Departure,
    ) -> Result<Departed, Failed> {
        let user = self.user_of(fenced.session).await.map_err(Fault::of_look)?;
        let Some(user) = user else { return Ok(Departed::Void) };
        let step = |now, registry: &mut Registry| departure.take(now, registry, fenced);
        let taken =
            self.take(Look::at(&user), Manner::default(), step).await.map_err(Fault::of_step)?;
        self.strike(fenced, taken.seen.node_of(fenced).filter(|_| taken.outcome != Departed::Void));
        Ok(taken.outcome)
    }

    /// Takes a session off the roll of its node, which has let go of it. That is this one, unless
    /// somebody speaks for another; then it is told what it should know.
    pub(super) fn strike(&self, fenced: Fenced, node: Option<Arc<NodeRef>>) {
        self.roll.remove(fenced);
        if let Some(node) = node.filter(|node| *node != self.me) {
            let partition = fenced.session.partition();
            self.say(partition, &self.keys.inbox(partition, &node), &wire::gone(fenced));
        }
    }

    pub(super) async fn note(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed> {
        let user = self.user_of(fenced.session).await.map_err(Fault::of_look)?;
        let Some(user) = user else { return Ok(()) };
        let step = |now, registry: &mut Registry| ((), registry.touch(now, fenced, touch));
        let taken =
            self.take(Look::at(&user), Manner::default(), step).await.map_err(Fault::of_step)?;
        if let Some(standing) = taken.standing(fenced.session)
            && let Ok(epoch) = taken.seen.epoch()
        {
            self.roll.update(standing, epoch);
        }
        Ok(())
    }

    pub(super) async fn end_all(
        &self,
        ending: &Ending,
        code: CloseCode,
    ) -> Result<Vec<Ended>, Failed> {
        let (user, which) = match ending {
            Ending::User { user, except } => (user.clone(), Which::AllBut(*except)),
            Ending::Session(session) => {
                let user = self.user_of(*session).await.map_err(Fault::of_look)?;
                let Some(user) = user else { return Ok(Vec::new()) };
                (user, Which::One(*session))
            }
        };
        let step = |now, registry: &mut Registry| registry.end(now, &user, which, code);
        Ok(self
            .take(Look::at(&user), Manner::default(), step)
            .await
            .map_err(Fault::of_step)?
            .outcome)
    }

    pub(super) async fn keep_out(
        &self,
        user: &UserId,
        blocking: Blocking,
    ) -> Result<Vec<Ended>, Failed> {
        let look = Look { block: true, ..Look::at(user) };
        let step = |now, registry: &mut Registry| registry.block(now, user, blocking);
        Ok(self.take(look, Manner::default(), step).await.map_err(Fault::of_step)?.outcome)
    }

    pub(super) async fn kept_out(
        &self,
        after: Option<UserId>,
        most: usize,
    ) -> Result<Vec<Blocked>, Fault> {
        let first = after.as_ref().map_or(Partition(0), Partition::of);
        let mut found = Vec::new();
        for partition in (first.0..=u8::MAX).map(Partition) {
            let mut from = match &after {
                Some(user) if partition == first => format!("({user}"),
                _ => "-".to_owned(),
            };
            while found.len() < most {
                let missing = most - found.len();
                let list = self.keys.blocks(partition);
                let mut range = Cmd::new();
                range.arg("ZRANGEBYLEX").arg(&list).arg(&from).arg("+");
                range.arg("LIMIT").arg(0).arg(missing);
                let names: Vec<String> = self.ask(partition, &range).await?;
                let Some(last) = names.last() else { break };
                from = format!("({last}");
                found.extend(self.blocked(partition, &names).await?);
            }
        }
        Ok(found)
    }

    /// Those of these users of a partition who are kept out still.
    async fn blocked(&self, partition: Partition, names: &[String]) -> Result<Vec<Blocked>, Fault> {
        let list = self.keys.blocks(partition);
        let user = |name: &String| self.legible(&list, kept::user(name));
        let users: Vec<UserId> = names.iter().filter_map(user).collect();
        let keys: Vec<String> = users.iter().map(|user| self.keys.block(user)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let values: Vec<Option<String>> =
            self.ask(partition, Cmd::new().arg("MGET").arg(&keys)).await?;
        let blocked = |((user, key), value): ((UserId, &String), Option<String>)| {
            Some(Blocked { user, until: self.legible(key, kept::until(&value?))? })
        };
        Ok(users.into_iter().zip(&keys).zip(values).filter_map(blocked).collect())
    }

    /// Looks at users, some at a time.
    async fn look_at_users(&self, looks: Vec<Look>) -> Vec<Result<Seen, Fault>> {
        let mut seen = Vec::new();
        for some in looks.chunks(LOOKS) {
            seen.extend(self.look_at_all(some.to_vec()).await);
        }
        seen
    }

    pub(super) async fn who_of(&self, users: &[UserId]) -> Result<Vec<Presence>, Fault> {
        let looks = users.iter().map(|user| Look { block: true, ..Look::at(user) });
        let seen = self.look_at_users(looks.collect()).await;
        let presence = |(seen, user): (Result<Seen, Fault>, &UserId)| {
            let seen = seen?;
            Ok(seen.registry(self.terms).presence(seen.now, user))
        };
        seen.into_iter().zip(users).map(presence).collect()
    }

    pub(super) async fn count(&self) -> Result<Census, Fault> {
        let calls = Partition::all().map(|partition| {
            let keys = vec![
                self.keys.lease(partition),
                self.keys.users(partition),
                self.keys.live(partition),
                self.keys.parked(partition),
            ];
            (partition, (keys, Vec::new()))
        });
        let counted: Vec<Counted> = self.run_all(&script::CENSUS, calls).await?;
        let mut lost = Vec::new();
        for (partition, (_, _, _, nodes)) in Partition::all().zip(&counted) {
            for node in nodes {
                let mut sessions = redis::cmd("SCARD");
                sessions.arg(self.keys.node(partition, node));
                lost.push((partition, sessions));
            }
        }
        // Sessions of a node that is lost are parked, whether or not anybody has said so yet.
        let lost: Vec<Result<usize, Fault>> = self.each(None, &lost).await;
        let lost = lost.into_iter().sum::<Result<usize, Fault>>()?;
        let sum = counted.iter().fold(Census::default(), |sum, (users, live, parked, _)| Census {
            users: sum.users + users,
            live: sum.live + live,
            parked: sum.parked + parked,
        });
        Ok(Census { live: sum.live.saturating_sub(lost), parked: sum.parked + lost, ..sum })
    }

    pub(super) async fn list(&self, query: &Query) -> Result<Vec<Session>, Fault> {
        match query {
            Query::Session(id) => {
                let Some(user) = self.user_of(*id).await? else { return Ok(Vec::new()) };
                let seen = self.look(Look::at(&user)).await?;
                Ok(seen.registry(self.terms).session(seen.now, *id).into_iter().collect())
            }
            Query::User(user) => {
                let seen = self.look(Look::at(user)).await?;
                Ok(seen.registry(self.terms).sessions_of(seen.now, user))
            }
            Query::All { after, most } => self.page(*after, *most).await,
        }
    }

    /// Some sessions of all, partition by partition, in the order of their ids. The ids of a whole
    /// partition are read: lists are rare, and an order that is kept for them would cost each
    /// session.
    async fn page(&self, after: Option<SessionId>, most: usize) -> Result<Vec<Session>, Fault> {
        let first = after.map_or(Partition(0), |after| after.partition());
        let mut found = Vec::new();
        for partition in (first.0..=u8::MAX).map(Partition) {
            if found.len() == most {
                break;
            }
            let mut ids = Pipeline::new();
            for key in [self.keys.live(partition), self.keys.parked(partition)] {
                ids.cmd("ZRANGE").arg(key).arg(0).arg(-1);
            }
            let (live, parked): (Vec<String>, Vec<String>) = self.pipe(partition, &ids).await?;
            let id = |key: String| move |text: &String| self.legible(&key, kept::session(text));
            let live = live.iter().filter_map(id(self.keys.live(partition)));
            let parked = parked.iter().filter_map(id(self.keys.parked(partition)));
            let ids: BTreeSet<SessionId> = live.chain(parked).collect();
            let after = after.filter(|_| partition == first);
            let mut ids = ids.into_iter().filter(|id| after.is_none_or(|after| *id > after));
            while found.len() < most {
                // Some may be gone by now, or past their window.
                let some: Vec<_> = ids.by_ref().take((most - found.len()).min(LOOKS)).collect();
                if some.is_empty() {
                    break;
                }
                found.extend(self.shown(&some).await?);
            }
        }
        Ok(found)
    }

    /// Sessions of one partition, as lists show them.
    async fn shown(&self, ids: &[SessionId]) -> Result<Vec<Session>, Fault> {
        let users = self.users_of(ids).await?;
        let known: Vec<(SessionId, UserId)> =
            users.into_iter().filter_map(|(id, user)| Some((id, user?))).collect();
        let looks = known.iter().map(|(_, user)| Look::at(user)).collect();
        let mut shown = Vec::new();
        for (seen, (id, _)) in self.look_at_users(looks).await.into_iter().zip(&known) {
            match seen {
                Ok(seen) => shown.extend(seen.registry(self.terms).session(seen.now, *id)),
                Err(Fault::Foreign) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(shown)
    }

    /// The users of sessions of one partition, without those that cannot be read.
    pub(super) async fn users_of(
        &self,
        ids: &[SessionId],
    ) -> Result<Vec<(SessionId, Option<UserId>)>, Fault> {
        let Some(partition) = ids.first().map(|id| id.partition()) else {
            return Ok(Vec::new());
        };
        let keys: Vec<String> = ids.iter().map(|id| self.keys.session(*id)).collect();
        let names: Vec<Option<String>> =
            self.ask(partition, Cmd::new().arg("MGET").arg(&keys)).await?;
        let user = |((id, key), name): ((&SessionId, &String), Option<String>)| match name {
            Some(name) => self.legible(key, kept::user(&name)).map(|user| (*id, Some(user))),
            None => Some((*id, None)),
        };
        Ok(ids.iter().zip(&keys).zip(names).filter_map(user).collect())
    }
}
