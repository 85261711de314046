//! Node: the conductor. Each flow is one straight function, and all of them are here.
//!
//! It knows the engine, the configuration and the clock; it knows no socket and no HTTP.

mod sends;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use engine::contract::{Departure, Ending, Engine, Failed, NotAdmitted, Query};
use kernel::{
    message::{Fenced, NodeRef},
    registry::{Admitted, Attempt, Grant, Touch},
    shard::Parting,
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Session, SessionState, TicketReply, TicketRequest, UserReply},
    id::SessionId,
    limit,
    name::UserId,
    position::Position,
    problem::ProblemCode,
};
use tokio::sync::{Notify, broadcast};

use crate::{
    answer::Refusal,
    clock::Clock,
    config::Config,
    event::{Event, What},
    limiter::Limiter,
    random,
};

/// Events that a watcher may be behind before it misses some.
const EVENTS_BEHIND_MAX: usize = 1024;

/// Bytes of a replay's page, so that a page always fits an outbox.
const PAGE_BYTES: usize = limit::OUTBOX_BYTES_MAX / 4;

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

    /// Issues a ticket.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn mint(&self, request: TicketRequest) -> Result<TicketReply, Refusal> {
        let ticket = random::ticket(&request.user);
        let user = request.user.clone();
        let ttl = request.ttl.map_or(self.config.session.ticket_ttl, |ttl| ttl.duration());
        let grant = Grant {
            user: request.user,
            device: request.device,
            class: request.device_class,
            policy: request.policy.unwrap_or_default(),
            send: request.send.unwrap_or_default(),
            origin: request.origin,
            max_age: request.max_age.map(|age| age.duration()),
            meta: request.meta.unwrap_or_default(),
        };
        let expires_at = self.engine.mint(ticket, grant, ttl).await.map_err(not_taken)?;
        let urls = Self::urls(&self.config);
        Ok(TicketReply { ticket, user, urls, expires_at })
    }

    /// Gives a connect attempt its place.
    pub(crate) async fn admit(&self, attempt: Attempt) -> Result<Admitted, NotAdmitted> {
        self.engine.admit(attempt).await
    }

    /// A session that was admitted, but whose socket was gone before it could know.
    pub(crate) async fn never_welcomed(&self, admitted: &Admitted) {
        let fenced = admitted.fenced;
        let departure = match admitted.resumed {
            true => Departure::Park,
            false => Departure::End(CloseCode::CannotResume),
        };
        self.depart(fenced, departure).await;
    }

    /// A session whose socket was lost may resume.
    pub(crate) async fn park(&self, parting: Parting) {
        let Parting { fenced, user, code } = parting;
        if self.depart(fenced, Departure::Park).await {
            self.tell(What::SessionParked { user, session: fenced.session, code });
        }
    }

    /// A session ended by its own will or fault.
    pub(crate) async fn release(&self, parting: Parting) {
        let end = Departure::End(parting.end_code());
        let Parting { fenced, user, code } = parting;
        if self.depart(fenced, end).await {
            self.tell(What::SessionEnded { user, session: fenced.session, code });
        }
    }

    async fn depart(&self, fenced: Fenced, departure: Departure) -> bool {
        match self.engine.depart(fenced, departure).await {
            Ok(was_ours) => was_ours,
            Err(error) => {
                tracing::warn!(session = %fenced.session, %error, "a departure is not told");
                false
            }
        }
    }

    pub(crate) async fn touch(&self, fenced: Fenced, touch: Touch) {
        if let Err(error) = self.engine.touch(fenced, touch).await {
            tracing::warn!(session = %fenced.session, %error, "a touch is not told");
        }
    }

    pub(crate) async fn read(&self, user: UserId, after: Position) -> Option<Page> {
        self.engine
            .read(&user, after, limit::REPLAY_PAGE, PAGE_BYTES)
            .await
            .inspect_err(|error| tracing::warn!(%error, "a stream cannot be read"))
            .ok()
    }

    /// Ends sessions with 4410; tells how many.
    ///
    /// # Errors
    /// If the engine could not.
    pub async fn end(&self, ending: &Ending) -> Result<u32, Refusal> {
        let ended = self.engine.end(ending, CloseCode::ClosedByBackend).await.map_err(not_taken)?;
        Ok(u32::try_from(ended.len()).unwrap_or(u32::MAX))
    }

    /// How many sessions a user has.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn user(&self, user: UserId) -> Result<UserReply, Refusal> {
        let sessions = self.sessions(&Query::User(user.clone())).await?;
        let live = sessions.iter().filter(|s| s.state == SessionState::Live).count();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(UserReply {
            user,
            online: !sessions.is_empty(),
            live: count(live),
            parked: count(sessions.len() - live),
        })
    }

    /// Sessions that are live or parked.
    ///
    /// # Errors
    /// If the engine could not tell.
    pub async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Refusal> {
        self.engine.sessions(query).await.map_err(not_taken)
    }

    /// One session.
    ///
    /// # Errors
    /// If there is none with that id.
    pub async fn session(&self, id: SessionId) -> Result<Session, Refusal> {
        let found = self.sessions(&Query::Session(id)).await?.pop();
        found.ok_or_else(|| Refusal::plain(ProblemCode::SessionUnknown))
    }

    /// Takes away what time ended, in one part of the registry.
    pub(crate) async fn sweep(&self) {
        match self.engine.sweep().await {
            Ok(ended) => {
                for ended in ended {
                    let (user, session) = (ended.user, ended.session);
                    let code = ended.code.number();
                    self.tell(What::SessionEnded { user, session, code });
                }
            }
            Err(error) => tracing::warn!(%error, "a sweep failed"),
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
