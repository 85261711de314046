//! Backend: what an app's server asks for: messages to one, to many, to everyone; ends and blocks.

use std::sync::Arc;

use kernel::{
    message::{Audience, Message},
    registry::{Blocking, Draft, Key, KeyScope, Which},
    shard::Input,
};
use protocol::{
    close::CloseCode,
    id::{MessageId, SessionId},
    name::UserId,
    target::Target,
};

use super::{PARTITION, USERS, World};
use crate::told::Case;

/// Calls with a key that may be made again.
const KEYED_MAX: usize = 12;

/// A call that was made under a key.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    text: String,
    /// By which it is told from other calls.
    number: u64,
    call: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    One { user: UserId, draft: Box<Draft>, copy: Option<UserId> },
    Many { users: Vec<UserId>, draft: Box<Draft> },
    Everyone { message: Box<Message>, to: Target },
}

impl World {
    pub(super) fn backend_sends(&mut self) {
        let user = self.some_user();
        let listed = self.registry.sessions_of(self.clock.engine, &user);
        let some = (!listed.is_empty()).then(|| listed[self.dice.below(listed.len())].id);
        let draft = self.draft(some);
        if self.dice.chance(1) {
            for _ in 0..60 {
                let id = self.message_id();
                self.append(&user, Draft { id, ..draft.clone() }).ok();
            }
            return;
        }
        let copy = draft.from.clone().filter(|from| *from != user && self.dice.chance(50));
        let call = Kept::One { user, draft: Box::new(draft), copy };
        self.makes(&call, 30);
    }

    /// One message for some users, a step for each; it may be broken off between them.
    pub(super) fn backend_sends_many(&mut self) {
        let draft = Box::new(self.draft(None));
        let users = USERS.map(|user| UserId::parse(user).unwrap()).to_vec();
        self.makes(&Kept::Many { users, draft }, 70);
    }

    pub(super) fn backend_sends_everyone(&mut self) {
        let (to, audience) = match self.dice.below(4) {
            0 => {
                let device = protocol::name::DeviceId::parse("d1").unwrap();
                (Target::Device(device.clone()), Audience::Device(device))
            }
            1 => {
                let class = protocol::name::DeviceClass::parse("phone").unwrap();
                (Target::Class(class.clone()), Audience::Class(class))
            }
            _ => (Target::All, Audience::All),
        };
        let message = Message {
            id: self.message_id(),
            position: None,
            data: self.data(),
            at: self.clock.engine,
            from: None,
            echo_of: None,
            to: audience,
            except: None,
            expires_at: None,
        };
        self.makes(&Kept::Everyone { message: Box::new(message), to }, 30);
    }

    /// Makes a call that was made under a key once more; or another one, under that key.
    pub(super) fn backend_repeats(&mut self) {
        if self.keyed.is_empty() {
            return;
        }
        let mut keyed = self.keyed[self.dice.below(self.keyed.len())].clone();
        if self.dice.chance(10) {
            keyed.number = self.next();
        }
        self.does(&keyed.call, Some((&keyed.text, keyed.number)));
    }

    fn makes(&mut self, call: &Kept, keyed_percent: usize) {
        if !self.dice.chance(keyed_percent) {
            return self.does(call, None);
        }
        let number = self.next();
        let text = format!("b{number}");
        if self.keyed.len() >= KEYED_MAX {
            // Some are kept until their keys are forgotten.
            let oldest = if self.dice.chance(3) { 0 } else { KEYED_MAX / 3 };
            self.keyed.swap_remove(oldest + self.dice.below(KEYED_MAX - oldest));
        }
        self.keyed.push(Keyed { text: text.clone(), number, call: call.clone() });
        self.does(call, Some((&text, number)));
    }

    fn does(&mut self, call: &Kept, key: Option<(&str, u64)>) {
        let key = |scope: fn(Box<str>) -> KeyScope| {
            key.map(|(text, number)| Key {
                scope: scope("app".into()),
                text: text.into(),
                fingerprint: u128::from(number) << 64,
            })
        };
        match call {
            Kept::One { user, draft, copy } => {
                let key = key(KeyScope::Backend);
                self.sends_one(user, Draft { key, ..Draft::clone(draft) }, copy.as_ref());
            }
            Kept::Many { users, draft } => {
                self.sends_many(users, draft, key(KeyScope::Many).as_ref());
            }
            Kept::Everyone { message, to } => {
                self.sends_everyone(message, to.clone(), key(KeyScope::Many).as_ref());
            }
        }
    }

    fn sends_one(&mut self, user: &UserId, draft: Draft, copy: Option<&UserId>) {
        let id = self.message_id();
        let Ok(receipt) = self.append(user, Draft { id, ..draft.clone() }) else { return };
        // A call that breaks off here is completed by its repetition.
        let breaks_off = draft.key.is_some() && self.dice.chance(20);
        if let Some(sender) = copy.filter(|_| !breaks_off) {
            let (id, echo_of) = (receipt.id, Some(user.clone()));
            let copy = Draft { id, echo_of, to: Target::All, except: None, ..draft };
            self.append(sender, copy).ok();
        }
    }

    fn sends_many(&mut self, users: &[UserId], draft: &Draft, key: Option<&Key>) {
        if let Some(key) = key {
            let none = MessageId::new(PARTITION, 0);
            let begun = self.registry.everyone(self.clock.engine, none, Some(key), || true);
            let begun = begun.map(|receipt| receipt.expect("it was spread"));
            let again = begun.as_ref().is_ok_and(|receipt| receipt.replayed);
            self.oracle.count_if(Case::ManyAgain, again);
            self.oracle.begun(key, &begun);
            if begun.is_err() {
                return;
            }
        }
        let most = if self.dice.chance(30) { self.dice.below(users.len()) } else { users.len() };
        self.oracle.count_if(Case::ManyBrokenOff, key.is_some() && most < users.len());
        for user in &users[..most] {
            let draft = Draft { key: key.cloned(), ..draft.clone() };
            let copy = draft.from.clone().filter(|from| from != user);
            self.sends_one(user, draft, copy.as_ref());
        }
    }

    fn sends_everyone(&mut self, message: &Message, to: Target, key: Option<&Key>) {
        let message = Message { id: self.message_id(), ..message.clone() };
        let shared = Arc::new(message.clone());
        let (nodes, mut was_spread) = (&mut self.nodes, None);
        let spread = || {
            let room = nodes.iter().all(super::Node::has_room);
            was_spread = Some(room);
            let queues = nodes.iter_mut().flat_map(|node| &mut node.broadcasts);
            queues.filter(|_| room).for_each(|queue| queue.push_back(Arc::clone(&shared)));
            room
        };
        let (now, id) = (self.clock.engine, message.id);
        let outcome = self.registry.everyone(now, id, key, spread);
        self.say(format_args!("everyone is sent {id} {outcome:?}"));
        self.oracle.spread(&message, to, key, was_spread, &outcome);
    }

    /// A message to everyone comes to a shard; whoever is there and keeps up gets it.
    pub(super) fn deliver_to_everyone(&mut self, node: usize, shard: usize) -> bool {
        if self.nodes[node].shards[shard].is_broadcasting() {
            self.handle(node, shard, Input::Continue);
            return true;
        }
        let Some(message) = self.nodes[node].broadcasts[shard].pop_front() else { return false };
        self.say(format_args!("n{node} hears {} for everyone", message.id));
        self.end_turn(node, shard);
        self.tells_of(node, shard, &message);
        let life = self.nodes[node].life();
        let is_frozen = self.is_frozen(node);
        let kernel = &self.nodes[node].shards[shard];
        for socket in self.sockets.values_mut() {
            let place = socket.place;
            let here = (place.node, place.life, place.shard) == (node, life, shard);
            let is_served = self.places.contains_key(&place) && !is_frozen;
            let follows = here && is_served && socket.opened_at.is_some();
            let session = socket.fenced.session;
            if follows
                && kernel.outbox(place.slot).is_none()
                && self.oracle.is_for(message.id, session)
            {
                socket.owed.push(message.id);
            }
        }
        self.mischief.everyone = Some(Arc::clone(&message));
        self.handle(node, shard, Input::Everyone(message));
        true
    }

    pub(super) fn backend_ends(&mut self) {
        let user = self.some_user();
        let listed = self.registry.sessions_of(self.clock.engine, &user);
        if listed.is_empty() || !self.dice.chance(20) {
            return;
        }
        let one = listed[self.dice.below(listed.len())].id;
        let which = match self.dice.below(4) {
            0 => Which::AllBut(None),
            1 => Which::AllBut(Some(one)),
            _ => Which::One(one),
        };
        let code = CloseCode::ClosedByBackend;
        let (ended, mail) = self.registry.end(self.clock.engine, &user, which, code);
        self.say(format_args!("ended {ended:?}"));
        self.oracle.kicked(&user, which, &ended);
        self.post(mail);
        self.user_agrees(&user);
    }

    pub(super) fn backend_blocks(&mut self) {
        let user = self.some_user();
        let blocked = self.registry.is_blocked(self.clock.engine, &user);
        let blocking = match blocked {
            true if self.dice.chance(70) => Blocking::Lift,
            _ if !self.dice.chance(15) => return,
            _ => Blocking::Set(self.dice.chance(80).then(|| self.dice.ms(500, 20_000))),
        };
        let (ended, mut mail) = self.registry.block(self.clock.engine, &user, blocking);
        self.say(format_args!("{user} {blocking:?} {ended:?}"));
        self.oracle.blocked(&user, blocking, &ended);
        self.spoils_block(&user, &mut mail);
        self.post(mail);
        self.user_agrees(&user);
    }

    fn draft(&mut self, some: Option<SessionId>) -> Draft {
        let from = self.some_user();
        Draft {
            id: self.message_id(),
            data: self.data(),
            from: self.dice.chance(20).then_some(from),
            echo_of: None,
            to: self.target(some),
            except: some.filter(|_| self.dice.chance(10)),
            volatile: self.dice.chance(15),
            ttl: self.some_ttl(15),
            key: None,
            by: None,
        }
    }

    fn message_id(&mut self) -> MessageId {
        MessageId::new(PARTITION, u128::from(self.next()))
    }
}
