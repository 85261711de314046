//! Nodes: which there are, and how one is asked to go.
//!
//! Today a node knows of itself alone. Where an engine knows of others, their entries come beside its
//! own, and what they are asked goes through the engine.

use protocol::{
    http::{self, NodeState},
    problem::ProblemCode,
    time::Timestamp,
};

use super::{Node, VERSION};
use crate::answer::Refusal;

impl Node {
    /// All nodes, this one among them.
    #[must_use]
    pub fn nodes(&self) -> Vec<http::Node> {
        vec![self.entry()]
    }

    /// Asks a node to go away, as its operator would by SIGTERM. To ask again changes nothing.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn ask_to_leave(&self, node: &str) -> Result<http::Node, Refusal> {
        if node != &*self.me.id {
            return Err(Refusal::plain(ProblemCode::NodeUnknown));
        }
        self.go_unready();
        self.asked_to_leave.send_replace(true);
        Ok(self.entry())
    }

    /// Returns when it was asked to go away. Whoever runs the process does so then.
    pub async fn asked_to_leave(&self) {
        let mut asked = self.asked_to_leave.subscribe();
        // The sender is a part of the node, and so is there as long as the node is.
        asked.wait_for(|asked| *asked).await.map(drop).ok();
    }

    fn entry(&self) -> http::Node {
        http::Node {
            node: self.me.id.to_string(),
            generation: self.me.generation,
            state: if self.is_ready() { NodeState::Ready } else { NodeState::Draining },
            sessions: self.live_sockets() as u64,
            url: self.config.node_url.clone(),
            started_at: Timestamp(self.me.generation),
            version: VERSION.to_owned(),
        }
    }
}
