//! Nodes: which there are, how this one tells the others of itself, and how one is asked to go.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use engine::{contract::Failed, fleet::Health};
use protocol::{
    event::What,
    http::{self, NodeState},
    limit,
    problem::ProblemCode,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::{Node, VERSION, not_taken};
use crate::{
    answer::Refusal,
    roster::{Change, Name, Roster},
};

/// How often the others are told. A few may fail in the time of a lease.
const REPORT_EVERY: Duration = Duration::from_secs(1);

impl Node {
    /// All nodes, this one among them. Those that told nothing of themselves for a lease are gone.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn nodes(&self) -> Result<Vec<http::Node>, Refusal> {
        let mut nodes = self.fleet.nodes().await.map_err(not_taken)?;
        // What is known here is newer.
        nodes.retain(|node| !self.is_me(node));
        nodes.push(self.entry());
        nodes.sort_by(|a, b| (&a.node, a.generation).cmp(&(&b.node, b.generation)));
        Ok(nodes)
    }

    /// Asks a node to go away, as its operator would by SIGTERM. To ask again changes nothing.
    ///
    /// # Errors
    /// If there is no such node, or it cannot be told.
    pub async fn ask_to_leave(&self, node: &str) -> Result<http::Node, Refusal> {
        if node == &*self.me.id {
            self.go_away();
            // Others may have the name as well. That this one goes is done, whether or not they hear it.
            if let Err(error) = self.fleet.ask_to_leave(node).await {
                tracing::warn!(node, %error, "others of this name are not asked to go away");
            }
            return Ok(self.entry());
        }
        let asked = self.fleet.ask_to_leave(node).await.map_err(not_taken)?;
        let asked =
            asked.into_iter().next().ok_or_else(|| Refusal::plain(ProblemCode::NodeUnknown))?;
        Ok(http::Node { state: NodeState::Draining, ..asked })
    }

    fn go_away(&self) {
        self.go_unready();
        self.asked_to_leave.send_replace(true);
    }

    /// Returns when it was asked to go away. Whoever runs the process does so then.
    pub async fn asked_to_leave(&self) {
        let mut asked = self.asked_to_leave.subscribe();
        // The sender is a part of the node, and so is there as long as the node is.
        asked.wait_for(|asked| *asked).await.map(drop).ok();
    }

    /// Tells the others of this node again and again, and does what they ask of it.
    pub(crate) async fn attend(self: Arc<Self>) {
        let mut asked = self.fleet.asked_to_leave();
        let mut ticks = interval(REPORT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut warned = false;
        let mut roster = Roster::new(self.config.engine.lease);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                Ok(_) = asked.wait_for(|asked| *asked), if !self.is_asked() => self.go_away(),
            }
            // Without its engine nobody hears it, and it is not listed.
            if let Err(error) = self.fleet.report(&self.entry()).await {
                tracing::debug!(%error, "the others are not told of this node");
            }
            let Ok(nodes) = self.nodes().await else {
                roster.is_unknown();
                continue;
            };
            self.placement.set(&nodes);
            for change in roster.look(self.clock.moment(), &nodes) {
                match change {
                    Change::Gone { node, generation, name: Name::Free } => {
                        self.journal.miss(&node, generation);
                    }
                    Change::Gone { node, generation, name: Name::Taken } => {
                        self.journal.forget(&node, generation);
                    }
                    Change::Back(node) => self.journal.meet_again(node),
                }
            }
            let other = nodes.iter().find(|node| node.node == *self.me.id && !self.is_me(node));
            if let Some(other) = other.filter(|_| !warned) {
                let (node, generation) = (&*self.me.id, other.generation);
                tracing::warn!(node, generation, "another process has this node's name");
                warned = true;
            }
        }
    }

    /// Tells when this process stood still for so long that others may have taken it for lost.
    pub(crate) async fn watch_standstill(self: Arc<Self>) {
        loop {
            let before = Instant::now();
            sleep(REPORT_EVERY).await;
            let stood_still = before.elapsed().saturating_sub(REPORT_EVERY);
            if stood_still >= self.config.engine.lease {
                let seconds = stood_still.as_secs();
                tracing::warn!(
                    seconds,
                    "this process stood still; others may have taken it for lost"
                );
            }
        }
    }

    /// Notes whether the engine is there, as that changes. Without it nobody is admitted; what
    /// becomes of those who are here is each partition's own matter.
    pub(crate) async fn watch_engine(self: Arc<Self>) {
        let mut health = self.fleet.health();
        let (mut trouble, mut told) = (None, None);
        loop {
            let now = health.borrow_and_update().clone();
            let here = now.is_here();
            let was = self.has_engine.swap(here, Ordering::Relaxed);
            match (was, here) {
                (false, true) => self.tell(What::EngineUp),
                (true, false) => self.tell(What::EngineDown),
                (true, true) | (false, false) => {}
            }
            trouble = note_trouble(&now, trouble);
            told = note_why(now, told);
            if health.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether the engine takes nothing more.
    pub(crate) fn is_full(&self) -> bool {
        matches!(*self.fleet.health().borrow(), Health::Full(..))
    }

    /// Says of a step that the engine did not take it. What it lacks was said when that began; until it
    /// has all again, there may be thousands of steps that say the same.
    pub(super) fn note_untaken(&self, step: &'static str, failed: Failed) {
        match *self.fleet.health().borrow() {
            Health::Here => tracing::warn!(error = %failed, "{step}"),
            Health::Partly(..) | Health::Full(..) | Health::Lost(_) => {
                tracing::debug!(error = %failed, "{step}");
            }
        }
    }

    /// Returns when the engine is there, or that has taken too long.
    pub(crate) async fn engine_found(&self, patience: Duration) {
        let mut health = self.fleet.health();
        let here = health.wait_for(Health::is_here);
        timeout(patience, here).await.map(drop).ok();
    }

    /// It is about to end.
    pub(crate) async fn leave_fleet(&self) {
        let leave = async {
            // That it stops is among it.
            self.tell_rest().await.ok();
            self.fleet.leave().await
        };
        match timeout(limit::CLOSE_WAIT, leave).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::warn!("the engine was not told that this node leaves"),
        }
    }

    fn is_asked(&self) -> bool {
        *self.asked_to_leave.borrow()
    }

    fn is_me(&self, node: &http::Node) -> bool {
        node.node == *self.me.id && node.generation == self.me.generation
    }

    pub(super) fn entry(&self) -> http::Node {
        let state = match (self.is_leaving(), self.has_engine()) {
            (true, _) => NodeState::Draining,
            (false, true) => NodeState::Ready,
            (false, false) => NodeState::LostEngine,
        };
        http::Node {
            node: self.me.id.to_string(),
            generation: self.me.generation,
            state,
            sessions: self.live_sockets() as u64,
            url: self.config.node_url.clone(),
            started_at: self.started_at(),
            version: VERSION.to_owned(),
        }
    }
}

/// What may be the matter with an engine that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// A part of it is lost.
    Part,
    /// It takes nothing more.
    Full,
}

/// Tells when such trouble begins and ends; returns what there is now.
fn note_trouble(now: &Health, was: Option<Trouble>) -> Option<Trouble> {
    let is = match now {
        // The next try to reach it says why.
        Health::Partly(_, None) => was,
        Health::Partly(..) => Some(Trouble::Part),
        Health::Full(..) => Some(Trouble::Full),
        Health::Here | Health::Lost(_) => None,
    };
    match (was, now) {
        _ if is == was => {}
        (_, Health::Partly(partitions, why)) => {
            tracing::warn!(partitions, why, "the engine is lost for the users of some partitions");
        }
        (_, Health::Full(partitions, why)) => {
            let what = "the engine has no room: tickets, sessions and messages are refused";
            tracing::error!(partitions, why, "{what}");
        }
        (Some(Trouble::Full), Health::Here) => tracing::info!("the engine has room again"),
        (_, Health::Here) => tracing::info!("the engine is there for all users again"),
        (_, Health::Lost(_)) => {}
    }
    is
}

/// Tells what stands against an engine that is lost; returns what was told. Each try to reach it is
/// news, and may say the same.
fn note_why(now: Health, told: Option<String>) -> Option<String> {
    match now {
        Health::Lost(Some(why)) if told.as_ref() != Some(&why) => {
            tracing::warn!(why, "the engine cannot be used yet");
            Some(why)
        }
        Health::Lost(_) => told,
        Health::Partly(..) | Health::Full(..) | Health::Here => None,
    }
}
