//! Node: the conductor. Each flow is one straight function, and all of them are here.
//!
//! It knows the engine, the configuration and the clock; it knows no socket and no HTTP.

mod admissions;
mod bulk;
mod sends;
mod people;
mod life;
mod unsettled;
mod stats;
mod nodes;
mod news;
mod room;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use engine::{
    contract::{Engine, Failed},
    fleet::Fleet,
    tenure::Tenure,
};
use kernel::message::{Fenced, NodeRef};
use protocol::{
    event::What,
    http::{self, NodeState},
    limit,
    name::UserId,
    problem::ProblemCode,
    time::Timestamp,
};
use tokio::sync::{Semaphore, broadcast, watch};

pub(crate) use self::room::Room;
use self::{news::News, unsettled::Unsettled};
use crate::{
    answer::Refusal,
    clock::Clock,
    config::Config,
    count::Count,
    gate::Gate,
    journal::{Filter, Journal, Watcher, Whose},
    limiter::Limiter,
    placement::Placement,
    places::{Place, Places},
    random,
    tally::Tally,
    turns::Turns,
};

/// The version of this server.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Lives that nodes of one name may begin in the same millisecond, and mostly be told apart.
const LIVES: u64 = 1024;

/// Answers to probes that a waiting newcomer may be behind.
const ANSWERS_BEHIND_MAX: usize = 1024;

/// Sockets of those who were refused, until they have closed. When as many are refused in a second,
/// each has that second to hear why.
const LEAVING_MAX: usize = 2048;

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
    fleet: Arc<dyn Fleet>,
    clock: Clock,
    me: Arc<NodeRef>,
    placement: Placement,
    journal: Arc<Journal>,
    pub(crate) tally: Tally,
    /// Whether the engine is there for it.
    has_engine: AtomicBool,
    /// Whether it goes away soon: nobody new should be sent here.
    unready: AtomicBool,
    /// Whether it goes away now: nobody new is taken.
    draining: AtomicBool,
    /// Whether somebody asked over the API that it goes away.
    asked_to_leave: watch::Sender<bool>,
    sockets: Count,
    /// Sessions whose departure the engine is being told.
    departing: Count,
    /// Who was refused and has yet to close.
    leaving: Mutex<Places>,
    /// Sessions that were asked whether anybody is there, as they are heard of.
    probed: broadcast::Sender<Fenced>,
    /// New sessions.
    admissions: Gate,
    /// Sessions that come back.
    resumes: Gate,
    /// Those of both kinds whose address failed too often.
    pub(crate) suspects: Gate,
    /// What the engine is still to answer.
    unsettled: Unsettled,
    /// Calls under way, by their idempotency keys.
    pub(crate) turns: Turns,
    /// Room for those who watch events.
    pub(crate) watchers: Arc<Semaphore>,
    /// What of its events others were told.
    news: News,
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
    /// The name of a node with this configuration, in a life that begins now.
    #[must_use]
    pub fn name(config: &Config) -> Arc<NodeRef> {
        let generation = Clock::timestamp().0 * LIVES + random::below(LIVES);
        Arc::new(NodeRef { id: config.node.clone().into(), generation })
    }

    /// The node `me`, which is ready as soon as its engine is.
    #[must_use]
    pub fn new(
        config: Config,
        me: Arc<NodeRef>,
        engine: Arc<dyn Engine>,
        fleet: Arc<dyn Fleet>,
        clock: Clock,
    ) -> Self {
        let has_engine = fleet.health().borrow().is_here();
        let node = Self {
            placement: Placement::new(config.public_url.clone()),
            failed_handshakes: Limiter::new(config.limits.failed_handshakes),
            failed_keys: Limiter::new(config.limits.failed_keys),
            probed: broadcast::Sender::new(ANSWERS_BEHIND_MAX),
            admissions: Gate::new(config.limits.admissions, config.shards),
            resumes: Gate::new(config.limits.resumes, config.shards),
            suspects: Gate::new(config.limits.admissions.div_ceil(2), config.shards),
            unsettled: Unsettled::default(),
            turns: Turns::default(),
            journal: Arc::new(Journal::new(&me)),
            tally: Tally::new(config.shards.max(1)),
            news: News::default(),
            watchers: Arc::new(Semaphore::new(limit::EVENT_WATCHERS_MAX)),
            has_engine: AtomicBool::new(has_engine),
            unready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            asked_to_leave: watch::Sender::new(false),
            sockets: Count::default(),
            departing: Count::default(),
            leaving: Mutex::new(Places::new(LEAVING_MAX)),
            config,
            engine,
            fleet,
            clock,
            me,
        };
        // Until others are heard of. Without an engine there are no tickets that could name it.
        node.placement.set(&[http::Node { state: NodeState::Ready, ..node.entry() }]);
        node
    }

    /// What it was told when it started.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
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

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        Timestamp(self.me.generation / LIVES)
    }

    /// The last events, and those to come.
    #[must_use]
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Until when it may act for its sessions.
    pub(crate) fn tenure(&self) -> Option<Arc<Tenure>> {
        self.fleet.tenure()
    }

    /// Where a user should connect, best first.
    pub(crate) fn urls(&self, user: &UserId) -> Vec<String> {
        self.placement.urls(user)
    }

    /// What happens here from now on.
    #[must_use]
    pub fn events(&self) -> Watcher {
        self.journal.watch(Filter { whose: Whose::Own, ..Filter::default() })
    }

    /// Notes that something happened: in numbers, and for whoever watches.
    pub(crate) fn tell(&self, what: What) {
        self.tally.count(&what);
        self.journal.add(what);
    }

    /// Counts a message that is not accepted, and passes on why.
    fn refused(&self, refusal: Refusal) -> Refusal {
        self.tally.not_accepted.count(refusal.code);
        refusal
    }

    /// Whether load balancers should send anybody here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_leaving() && self.has_engine()
    }

    /// Whether the engine is there for it.
    pub(crate) fn has_engine(&self) -> bool {
        self.has_engine.load(Ordering::Relaxed)
    }

    /// Whether it goes away soon.
    fn is_leaving(&self) -> bool {
        self.unready.load(Ordering::Relaxed)
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

    /// A place for one more who was refused and has yet to close.
    pub(crate) fn place_to_leave(&self) -> Place {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many sockets of sessions are open, or about to be.
    #[must_use]
    pub fn live_sockets(&self) -> usize {
        self.sockets.get()
    }

    /// Returns when no socket is open.
    pub(crate) async fn all_sockets_closed(&self) {
        self.sockets.none().await;
    }

    /// Returns when the engine was told, or could not be, of all sessions that departed.
    pub(crate) async fn all_departed(&self) {
        self.departing.none().await;
    }
}

/// Neither kind of failure tells that it was done; reads and calls that may be repeated say so.
fn not_taken(failed: Failed) -> Refusal {
    match failed {
        Failed::NotDone | Failed::Unknown => Refusal::later(ProblemCode::Overloaded),
        Failed::Full => Refusal::later(ProblemCode::EngineFull),
    }
}
