//! Publisher: a backend that sends to users in turn. What nobody knows the fate of is sent again
//! under the same key; what was refused is sent again, or given up, so that it must never arrive.

use std::{thread, time::Duration};

use tokio::time::Instant;

use crate::{
    caller::Answer,
    dice::Dice,
    log::{Fate, Name, What, digest},
    payload::{LAST, Payload},
    world::{Mood, World},
};

/// How long one message is tried. Keys are remembered for longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A publisher, with a thread of its own.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) name: String,
    pub(crate) users: Vec<String>,
    /// Between two messages.
    pub(crate) pause: Duration,
    pub(crate) world: World,
    pub(crate) dice: Dice,
}

impl Publisher {
    /// Sends until it is calm.
    pub(crate) fn run(mut self) {
        for n in 1.. {
            if *self.world.mood.borrow() != Mood::Wild {
                return;
            }
            let count = self.users.len() as u64;
            let to = self.users[usize::try_from(n % count).expect("they are few")].clone();
            self.send(&to, n);
            // This is the rate.
            thread::sleep(self.pause);
        }
    }

    /// Sends a last message to each; these are never given up.
    pub(crate) fn finish(&mut self) {
        let users = self.users.clone();
        for (at, user) in users.iter().enumerate() {
            self.send(user, LAST + at as u64);
        }
    }

    fn send(&mut self, to: &str, n: u64) {
        let name = Name { by: self.name.clone(), n };
        let data = Payload::new(to, &name, &mut self.dice).text();
        let (key, sum) = (format!("{}-{n}", self.name), digest(data.as_bytes()));
        let body = format!(r#"{{"data":{data}}}"#);
        let path = format!("/v1/users/{to}/messages");
        let start = Instant::now();
        let fate = loop {
            let place = self.world.place(&mut self.dice).clone();
            self.world.log.write(What::Sending {
                name: name.clone(),
                to: to.to_owned(),
                digest: sum.clone(),
                node: place.name.clone(),
                key: Some(key.clone()),
                socket: None,
            });
            let answer = self.world.caller.call(place.api, ("POST", &path), Some(&key), &body);
            let fate = self.note(&name, place.name, &answer);
            let gives_up = fate == Fate::Refused && n < LAST && self.dice.below(4) == 0;
            if fate == Fate::Accepted || gives_up || start.elapsed() > PATIENCE {
                break fate;
            }
            thread::sleep(self.dice.ms(20, 200));
        };
        if fate == Fate::Accepted && n < LAST && self.dice.below(50) == 0 {
            self.misuse(to, n, &key);
        }
    }

    fn note(&self, name: &Name, node: String, answer: &Answer) -> Fate {
        let (fate, status, body) = match answer {
            Ok((200, body)) => (Fate::Accepted, 200, body.clone()),
            // In progress, or not known.
            Ok((status @ (409 | 504), body)) => (Fate::Unknown, *status, body.clone()),
            Ok((status, body)) => (Fate::Refused, *status, body.clone()),
            Err(_) => (Fate::Unknown, 0, serde_json::Value::Null),
        };
        self.world.log.write(What::Sent {
            name: name.clone(),
            node,
            fate,
            status,
            id: body["id"].as_str().map(str::to_owned),
            position: body["position"].as_str().and_then(|text| text.parse().ok()),
            matched: body["matched"].as_u64().unwrap_or_default(),
            live: body["live"].as_u64().unwrap_or_default(),
            socket: None,
        });
        fate
    }

    /// Says something else under a key that was used. Where Redis has forgotten the key it is accepted.
    fn misuse(&mut self, to: &str, n: u64, key: &str) {
        let place = self.world.place(&mut self.dice).clone();
        let name = Name { by: format!("{}-misuse", self.name), n };
        let data = Payload::new(to, &name, &mut self.dice).text();
        self.world.log.write(What::Sending {
            name: name.clone(),
            to: to.to_owned(),
            digest: digest(data.as_bytes()),
            node: place.name.clone(),
            key: Some(key.to_owned()),
            socket: None,
        });
        let (path, body) = (format!("/v1/users/{to}/messages"), format!(r#"{{"data":{data}}}"#));
        let answer = self.world.caller.call(place.api, ("POST", &path), Some(key), &body);
        self.note(&name, place.name, &answer);
        if let Ok((status, _)) = answer {
            self.world.log.write(What::Misused { key: key.to_owned(), status });
        }
    }
}
