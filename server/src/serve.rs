//! Serve: a node's threads, from the first bind to the last exit.
//!
//! One thread for each shard, which also accepts sockets; one runtime for HTTP beside them. All
//! shards accept from the same listening sockets rather than from one each (`SO_REUSEPORT`): a
//! second process could share such a port without anybody noticing, and where a socket is accepted
//! does not matter, since it moves to the shard of its user.

mod part;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use engine::{
    contract,
    mailbox::Mailboxes,
    place::{self, Opened, Refused, Setup},
};
use kernel::message::NodeRef;
use protocol::{event::What, limit, partition::PARTITIONS};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
};

use self::part::{Begun, Part};
use crate::{
    clock::Clock,
    config::{Config, Engine},
    door::Entrance,
    http,
    node::{self, Node},
    panics::SHARD_THREADS,
    shard::{Command, Shards},
    tls::{
        Unusable,
        renewal::{self, Found, Renewal},
    },
};

pub use crate::http::{Route, Who, routes};

/// Sockets on their way from the door to a shard, or to the HTTP server.
const ON_THE_WAY: usize = 1024;

/// Sockets that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Time in which every part of the registry is swept once.
const SWEEP_ROUND: Duration = Duration::from_secs(5);

/// How long a drain waits for peers beyond the time that each may take to close.
const DRAIN_MARGIN: Duration = Duration::from_secs(1);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It cannot listen there.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The engine cannot be used.
    #[error(transparent)]
    Engine(#[from] Refused),
    /// The files of `[tls]` make no pair.
    #[error(transparent)]
    Tls(#[from] Unusable),
    /// It gets no threads.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

/// Sockets that listen, by what they are for.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For sessions; for everything, where the API has none of its own.
    pub public: Vec<TcpListener>,
    /// For the API.
    pub api: Vec<TcpListener>,
}

impl From<Vec<TcpListener>> for Listeners {
    /// For everything.
    fn from(public: Vec<TcpListener>) -> Self {
        Self { public, api: Vec::new() }
    }
}

/// A node that runs.
pub struct Running {
    node: Arc<Node>,
    addresses: Vec<SocketAddr>,
    api_addresses: Vec<SocketAddr>,
    runtime: Runtime,
    shards: Shards,
    threads: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    renewal: Option<Arc<Renewal>>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Binds one address, so that nobody else can.
///
/// # Errors
/// As the operating system says.
pub fn bind(address: SocketAddr) -> Result<TcpListener, Failed> {
    let listen = || {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            None,
        )?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit it; where they do not, small frames wait for nothing worse.
        socket.set_tcp_nodelay(true)?;
        // So is this: what the system holds for a slow peer is no less memory than an outbox.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(limit::UNSENT_BYTES)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    listen().map_err(|cause| Failed::Listen { address, cause })
}

/// Starts a node on sockets that listen already.
///
/// # Errors
/// If threads or sockets cannot be had, or what sockets should show is unusable.
pub fn start(config: Config, listeners: impl Into<Listeners>) -> Result<Running, Failed> {
    begin(config, listeners.into(), |config, runtime, me, mailboxes| {
        let Engine { url, url_file: _, ca_file, prefix, lease } = config.engine.clone();
        let (terms, clock) = (config.terms(), Arc::new(Clock::timestamp));
        let setup = Setup { place: url, ca_file, prefix, lease, me, mailboxes, terms, clock };
        Ok(runtime.block_on(place::open(setup))?)
    })
}

/// Starts a node on an engine that fills these mailboxes.
///
/// # Errors
/// If threads or sockets cannot be had, or what sockets should show is unusable.
pub fn start_on(
    config: Config,
    listeners: impl Into<Listeners>,
    engine: impl FnOnce(Mailboxes) -> Arc<dyn contract::Engine>,
) -> Result<Running, Failed> {
    begin(config, listeners.into(), |_, _, _, mailboxes| Ok(Opened::alone(engine(mailboxes))))
}

fn begin(
    config: Config,
    listeners: Listeners,
    open: impl FnOnce(&Config, &Runtime, Arc<NodeRef>, Mailboxes) -> Result<Opened, Failed>,
) -> Result<Running, Failed> {
    let renewal = config.tls.clone().map(Renewal::begin).transpose()?.map(Arc::new);
    let Listeners { public, api } = listeners;
    let (addresses, api_addresses) = (addresses(&public)?, addresses(&api)?);
    let front = if api.is_empty() { Entrance::Whole } else { Entrance::Public };
    let clock = Clock::start();
    let shards = config.shards.max(1);
    let (mailboxes, taken) = Mailboxes::new(shards, config.limits.mailbox_envelopes);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("usher-http")
        .worker_threads(shards)
        .enable_all()
        .build()?;
    let me = Node::name(&config);
    let Opened { engine, fleet, tasks } = open(&config, &runtime, Arc::clone(&me), mailboxes)?;
    let lease = config.engine.lease;
    let node = Arc::new(Node::new(config, me, engine, fleet, clock));
    let (ways, receivers) = Shards::new(shards, ON_THE_WAY);
    let (stop, stopping) = watch::channel(false);
    let mut entrances = Vec::new();
    for (entrance, listeners) in [(front, public), (Entrance::Api, api)] {
        // A room of its own for each, so that a crowd at one leaves the other alone.
        let (visitors, visits) = mpsc::channel(ON_THE_WAY);
        let serving =
            http::serve(Arc::clone(&node), ways.clone(), entrance, visits, stopping.clone());
        runtime.spawn(serving);
        entrances
            .extend(listeners.into_iter().map(|listener| (entrance, listener, visitors.clone())));
    }
    let mut parts = Vec::new();
    for (index, (commands, mailbox)) in receivers.into_iter().zip(taken).enumerate() {
        // All of them before the first thread, so that a node that is up has all its shards.
        let begun = Begun::new(&entrances)?;
        let (node, shards, stopping) = (Arc::clone(&node), ways.clone(), stopping.clone());
        let shown = renewal.as_ref().map(|renewal| renewal.shown());
        parts.push(Part { node, index, shards, commands, mailbox, begun, shown, stopping });
    }
    // From here on only the shards hold them, so that none outlives its door.
    drop(entrances);
    node.tell(What::NodeUp { version: node::VERSION.to_owned() });
    if node.has_engine() {
        node.tell(What::EngineUp);
    }
    let mut threads = Vec::new();
    for part in parts {
        let name = format!("{SHARD_THREADS}{}", part.index);
        threads.push(thread::Builder::new().name(name).spawn(move || part.run())?);
    }
    runtime.spawn(tasks);
    runtime.spawn(Arc::clone(&node).watch_engine());
    runtime.spawn(Arc::clone(&node).attend());
    runtime.spawn(Arc::clone(&node).watch_standstill());
    runtime.spawn(Arc::clone(&node).tell_others());
    runtime.spawn(Arc::clone(&node).hear_others());
    runtime.spawn(sweep(Arc::clone(&node)));
    runtime.spawn(Arc::clone(&node).settle_all());
    if let Some(renewal) = &renewal {
        runtime.spawn(renew(Arc::clone(renewal)));
    }
    // Whoever is told where it listens may use it at once.
    runtime.block_on(node.engine_found(lease));
    let shards = ways;
    Ok(Running { node, addresses, api_addresses, runtime, shards, threads, stop, renewal })
}

fn addresses(listeners: &[TcpListener]) -> io::Result<Vec<SocketAddr>> {
    listeners.iter().map(TcpListener::local_addr).collect()
}

async fn sweep(node: Arc<Node>) {
    let step = SWEEP_ROUND / u32::try_from(PARTITIONS).expect("a small number");
    let mut steps = tokio::time::interval(step);
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        node.sweep().await;
    }
}

/// Looks for another pair now and then.
async fn renew(renewal: Arc<Renewal>) {
    loop {
        tokio::time::sleep(renewal::LOOK).await;
        let renewal = Arc::clone(&renewal);
        // Files may be slow.
        match tokio::task::spawn_blocking(move || renewal.look()).await {
            Ok(Ok(Found::TheSame)) => {}
            Ok(Ok(Found::New)) => tracing::info!("another certificate is shown from now on"),
            Ok(Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
            Err(_) => return,
        }
    }
}

impl Running {
    /// Reads certificate and key again, for sockets that come from now on; those that are open stay
    /// as they are. Does nothing on a node without TLS.
    ///
    /// # Errors
    /// Why what is there cannot be used. What was read before is shown on.
    pub fn read_again(&self) -> Result<(), Unusable> {
        self.renewal.as_ref().map_or(Ok(()), |renewal| renewal.read_again())
    }

    /// Where it listens for sessions; for everything, where the API has no address of its own.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens for the API alone.
    #[must_use]
    pub fn api_addresses(&self) -> &[SocketAddr] {
        &self.api_addresses
    }

    /// The node itself.
    #[must_use]
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Runs a future beside the node.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Goes away in good order: unready first, then its sessions leave over the drain window, then
    /// it closes. Returns how many sockets had not closed by then.
    pub async fn drain(&self) -> usize {
        let drain = self.node.config().drain;
        self.node.go_unready();
        self.node.tell(What::NodeDraining);
        tokio::time::sleep(drain.delay).await;
        self.node.start_draining();
        self.shards.tell_all(|| Command::Drain(drain.window)).await;
        let wait = drain.window + limit::CLOSE_WAIT + DRAIN_MARGIN;
        let closed = tokio::time::timeout(wait, self.node.all_sockets_closed()).await;
        // What became of the last is still to be told, and then nothing more is.
        tokio::time::timeout(DRAIN_MARGIN, self.node.all_departed()).await.ok();
        match closed {
            Ok(()) => 0,
            Err(_) => self.node.live_sockets(),
        }
    }

    /// Closes its doors, and returns when all calls that are under way are answered, or have had
    /// their time.
    pub async fn close(&self) {
        self.shut();
        // Each door and each visit watches it until its end.
        tokio::time::timeout(limit::CLOSE_WAIT, self.stop.closed()).await.ok();
    }

    /// Ends its threads. Calls that are under way are answered first.
    pub fn stop(self) {
        self.runtime.block_on(async {
            self.close().await;
            self.shards.tell_all(|| Command::Stop).await;
            self.node.leave_fleet().await;
        });
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a shard panicked");
            }
        }
        self.runtime.shutdown_background();
    }

    /// Lets go of everything at once; threads end with the process.
    pub fn abandon(self) {
        self.shut();
        self.runtime.shutdown_background();
    }

    fn shut(&self) {
        if *self.stop.borrow() {
            return;
        }
        // Those who watch see it, and end with that.
        self.node.tell(What::NodeDown);
        self.node.journal().close();
        self.stop.send_replace(true);
    }
}
