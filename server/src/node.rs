//! Node: the conductor. Each flow is one straight function, and all of them are here.
//!
//! It knows the engine, the configuration and the clock; it knows no socket and no HTTP.

mod admissions;
mod bulk;
mod sends;
mod people;
mod life;
mod unsettled;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use engine::contract::{Engine, Failed};
use kernel::message::{Fenced, NodeRef};
use protocol::problem::ProblemCode;
use tokio::sync::{Notify, broadcast};

use self::unsettled::Unsettled;
use crate::{
    answer::Refusal,
    clock::Clock,
    config::Config,
    event::{Event, What},
    gate::Gate,
    limiter::Limiter,
    turns::Turns,
};

/// Events that a watcher may be behind before it misses some.
const EVENTS_BEHIND_MAX: usize = 1024;

/// Answers to probes that a waiting newcomer may be behind.
const ANSWERS_BEHIND_MAX: usize = 1024;

/// The answer to a call that may be made again.
#[derive(Debug, Clone)]
pub struct Answered<T> {
    /// What became of it.
    pub answer: T,
    /// Whether all of it was accepted before, and is only told again.
    pub replayed: bool,
}

/// One process of the server.
pub struct Node {
    config: Config,
    engine: Arc<dyn Engine>,
    clock: Clock,
    me: Arc<NodeRef>,
    events: broadcast::Sender<Event>,
    /// Whether it goes away soon: nobody new should be sent here.
    unready: AtomicBool,
    /// Whether it goes away now: nobody new is taken.
    draining: AtomicBool,
    sockets: AtomicUsize,
    no_sockets: Notify,
    /// Sessions that were asked whether anybody is there, as they are heard of.
    probed: broadcast::Sender<Fenced>,
    /// New sessions.
    admissions: Gate,
    /// Sessions that come back.
    resumes: Gate,
    /// What the engine is still to answer.
    unsettled: Unsettled,
    /// Calls under way, by their idempotency keys.
    pub(crate) turns: Turns,
    /// Who failed to connect too often.
    pub(crate) failed_handshakes: Limiter,
    /// Who showed wrong keys too often.
    pub(crate) failed_keys: Limiter,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Node {
    /// A node that is ready.
    #[must_use]
    pub fn new(config: Config, engine: Arc<dyn Engine>, clock: Clock) -> Self {
        let generation = Clock::timestamp().0;
        let me = Arc::new(NodeRef { id: config.node.clone().into(), generation });
        Self {
            failed_handshakes: Limiter::new(config.limits.failed_handshakes),
            failed_keys: Limiter::new(config.limits.failed_keys),
            events: broadcast::Sender::new(EVENTS_BEHIND_MAX),
            probed: broadcast::Sender::new(ANSWERS_BEHIND_MAX),
            admissions: Gate::new(config.limits.admissions, config.shards),
            resumes: Gate::new(config.limits.resumes, config.shards),
            unsettled: Unsettled::default(),
            turns: Turns::default(),
            unready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            sockets: AtomicUsize::new(0),
            no_sockets: Notify::new(),
            config,
            engine,
            clock,
            me,
        }
    }

    /// What it was told when it started.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where sessions are told to connect to.
    pub(crate) fn urls(config: &Config) -> Vec<String> {
        config.public_url.iter().map(|url| connect_url(url)).collect()
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Itself, as the registry names it.
    #[must_use]
    pub fn me(&self) -> &Arc<NodeRef> {
        &self.me
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Tells whoever watches. Without a watcher it costs a look at a counter.
    pub(crate) fn tell(&self, what: What) {
        if self.events.receiver_count() > 0 {
            // A watcher that left in between misses nothing that it wanted.
            self.events.send(Event { at: Clock::timestamp(), what }).ok();
        }
    }

    /// Whether load balancers should send anybody here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.unready.load(Ordering::Relaxed)
    }

    /// Goes unready; who comes all the same is still taken.
    pub(crate) fn go_unready(&self) {
        self.unready.store(true, Ordering::Relaxed);
    }

    /// Whether it refuses new sessions and backends' messages.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Takes nobody new from now on.
    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn socket_opened(&self) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn socket_closed(&self) {
        if self.sockets.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.no_sockets.notify_waiters();
        }
    }

    /// How many sockets are open.
    #[must_use]
    pub fn live_sockets(&self) -> usize {
        self.sockets.load(Ordering::Acquire)
    }

    /// Returns when no socket is open.
    pub(crate) async fn all_sockets_closed(&self) {
        loop {
            let none = self.no_sockets.notified();
            if self.sockets.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }
}

/// Where to connect at a public address.
fn connect_url(public_url: &str) -> String {
    format!("{}{}", public_url.trim_end_matches('/'), protocol::CONNECT_PATH)
}

/// Neither kind of failure tells that it was done; reads and calls that may be repeated say so.
fn not_taken(failed: Failed) -> Refusal {
    match failed {
        Failed::NotDone | Failed::Unknown => Refusal::later(ProblemCode::Overloaded),
    }
}
