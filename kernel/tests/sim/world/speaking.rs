//! Speaking: what devices say to the server.

use kernel::shard::Violation;
use protocol::frame::{FromSession, Invalid, SendFrame, Unread};

use super::{World, network::received};
use crate::{
    device::{Kind, Unanswered},
    socket::Said,
    told::Case,
};

impl World {
    fn says(&mut self, id: u64, said: Said) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.said.push_back(said);
        }
        if self.dice.chance(70) {
            self.hear(id);
        }
    }

    fn may_speak(&self, id: u64) -> bool {
        self.sockets.get(&id).is_some_and(|socket| socket.was_welcomed && socket.over_at.is_none())
    }

    pub(super) fn speak(&mut self, id: u64) {
        if !self.may_speak(id) {
            return;
        }
        let device = self.sockets[&id].device;
        let frame = match self.dice.below(24) {
            0..4 => FromSession::Active,
            4..8 => FromSession::Ack(self.devices[device].position),
            8..11 => FromSession::Ping,
            11 => return self.says(id, Said::Ping),
            12 => return self.break_rules(id),
            13..15 => return self.send_again(id),
            15 => return self.flood(id),
            _ => return self.send_from(id),
        };
        let reference = Some("f".to_owned());
        self.says(id, Said::Frame(Box::new(Ok(received(frame, reference)))));
    }

    fn send_from(&mut self, id: u64) {
        let device = self.sockets[&id].device;
        let keyed = self.devices[device].kind == Kind::Sdk && self.dice.chance(40);
        let number = self.next();
        let frame = SendFrame {
            user: self.some_user(),
            data: self.data(),
            to: self.target(None),
            volatile: self.dice.chance(15),
            ttl: self.dice.chance(10).then(|| self.dice.ms(1000, 60_000)),
            echo: self.dice.chance(10).then(|| self.dice.chance(50)),
            key: keyed.then(|| format!("k{number}")),
        };
        let reference = format!("c{number}");
        if keyed {
            let frame = frame.clone();
            let sent = Unanswered { reference: reference.clone(), frame, is_under_way: true };
            let unanswered = &mut self.devices[device].unanswered;
            unanswered.push(sent);
            // What is older is given up.
            let surplus = unanswered.len().saturating_sub(6);
            unanswered.drain(..surplus);
        }
        let frame = FromSession::Send(Box::new(frame));
        self.says(id, Said::Frame(Box::new(Ok(received(frame, Some(reference))))));
    }

    /// Sends something again that was not answered, under its key.
    fn send_again(&mut self, id: u64) {
        let device = self.sockets[&id].device;
        let unanswered = &mut self.devices[device].unanswered;
        let Some(one) = unanswered.iter_mut().find(|one| !one.is_under_way) else { return };
        one.is_under_way = true;
        let (reference, mut frame) = (one.reference.clone(), one.frame.clone());
        if self.dice.chance(5) {
            // Another message by the same key.
            frame.volatile = !frame.volatile;
        }
        self.oracle.count(Case::KeyedBySession);
        let frame = FromSession::Send(Box::new(frame));
        self.says(id, Said::Frame(Box::new(Ok(received(frame, Some(reference))))));
    }

    /// More frames at once than are taken.
    fn flood(&mut self, id: u64) {
        if !self.dice.chance(20) {
            return;
        }
        self.oracle.count(Case::Flood);
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.faults += 3;
        }
        for _ in 0..30 {
            let frame = received(FromSession::Ping, Some("f".to_owned()));
            self.says(id, Said::Frame(Box::new(Ok(frame))));
        }
    }

    fn break_rules(&mut self, id: u64) {
        if !self.dice.chance(30) {
            return;
        }
        let unread =
            || Unread { invalid: Invalid::Json, reference: None, detail: "no JSON".to_owned() };
        match self.dice.below(3) {
            0 => {
                let violation = Violation { code: 1002, reason: "protocol error" };
                self.says(id, Said::Violation(violation));
            }
            1 => self.says(id, Said::Frame(Box::new(Err(unread())))),
            _ => {
                for _ in 0..3 {
                    self.says(id, Said::Frame(Box::new(Err(unread()))));
                }
            }
        }
    }

    pub(super) fn leave(&mut self, id: u64) {
        if !self.may_speak(id) {
            return;
        }
        let goodbye = match self.dice.below(4) {
            0 => Said::Frame(Box::new(Ok(received(FromSession::Leave, None)))),
            1 => Said::Close(None),
            2 => Said::Close(Some(1000)),
            _ => Said::Close(Some(1001)),
        };
        self.says(id, goodbye);
        if self.dice.chance(30) {
            // It was on its way already.
            let frame = FromSession::Send(Box::new(SendFrame {
                user: self.some_user(),
                data: self.data(),
                to: self.target(None),
                volatile: false,
                ttl: None,
                echo: None,
                key: None,
            }));
            self.says(id, Said::Frame(Box::new(Ok(received(frame, Some("l".to_owned()))))));
        }
    }
}
