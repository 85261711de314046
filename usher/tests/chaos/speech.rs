//! Speech: what a visitor sends to somebody else, over its own socket.

use serde_json::{Value, json};

use crate::{
    dice::Dice,
    log::{Fate, Name, What, digest},
    payload::Payload,
    socket::Socket,
    world::World,
};

/// What comes behind a visitor's name where it speaks over a socket that it has left.
pub(crate) const OLD: &str = "-old-";

/// Someone who speaks.
#[derive(Debug, Clone)]
pub(crate) struct Speech {
    pub(crate) by: String,
    pub(crate) to: String,
    pub(crate) said: u64,
    pub(crate) world: World,
    pub(crate) dice: Dice,
}

impl Speech {
    /// The same visitor over a socket that it leaves.
    pub(crate) fn over_old(&self, socket: &Socket) -> Self {
        Self { by: format!("{}{OLD}{}", self.by, socket.number), said: 0, ..self.clone() }
    }

    /// Sends a message; whether the socket took it.
    pub(crate) async fn say(&mut self, socket: &mut Socket) -> bool {
        self.said += 1;
        let name = Name { by: self.by.clone(), n: self.said };
        let payload = Payload::new(&self.to, &name, &mut self.dice);
        let data: Value = serde_json::from_str(&payload.text()).expect("it is JSON");
        let said = self.said.to_string();
        let frame = json!({"type": "send", "ref": said, "user": self.to, "data": data});
        self.world.log.write(What::Sending {
            name,
            to: self.to.clone(),
            digest: digest(frame["data"].to_string().as_bytes()),
            node: String::new(),
            key: None,
            socket: Some(socket.number),
        });
        socket.say(&frame).await
    }

    /// Notes what was answered.
    pub(crate) fn note(&self, socket: &Socket, n: u64, error: &Value) {
        let fate = match error["code"].as_str() {
            None => Fate::Accepted,
            Some("accept-unknown") => Fate::Unknown,
            Some(_) => Fate::Refused,
        };
        self.world.log.write(What::Sent {
            name: Name { by: self.by.clone(), n },
            node: String::new(),
            fate,
            status: 0,
            id: None,
            position: None,
            matched: 0,
            live: 0,
            socket: Some(socket.number),
        });
    }
}
