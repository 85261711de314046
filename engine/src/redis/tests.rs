//! The contract, with several nodes on a real Redis, and what only Redis can show.

mod answers;
mod crowds;
mod fitness;
mod forgotten;
mod full;
mod leases;
mod losses;
mod news;
mod nodes;
mod primaries;
mod proxy;
mod sent;
mod server;
mod shapes;
mod slow;
mod stage;
mod unreadable;

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use kernel::{message::NodeRef, registry::Terms, stream::Bounds};
use protocol::{http::Durability, partition::Partition, time::Timestamp};
use tokio::task::JoinHandle;

use self::server::Server;
use super::*;
use crate::{
    fleet::Fleet,
    suite::{Node, Rig},
};

/// Envelopes that a mailbox takes; tests look into them only now and then.
const ROOM: usize = 1 << 17;

const SHARDS: usize = 2;

/// Long enough for some hundred steps on a busy machine, short enough to be waited for.
const WINDOW: Duration = Duration::from_secs(5);

/// Longer than the window and many hundred steps.
const STREAM_AGE: Duration = Duration::from_secs(12);

crate::suite!(hall);

/// A node's task, and whether it goes on.
type Running = (JoinHandle<()>, watch::Sender<bool>);

/// What nodes of a test share.
trait Ground: Send + Sync {
    fn url(&self) -> String;
}

/// The ways to servers.
fn options(url: &str) -> Options {
    Options::new(Shape::parse(url).expect("it is a URL"))
}

/// Three nodes on one Redis, or on more.
struct Hall<G = Server> {
    server: G,
    /// What is this hall's, where others are on the same ground.
    prefix: String,
    engines: Mutex<Vec<Arc<Redis>>>,
    /// What each node does besides, by its name.
    tasks: Mutex<BTreeMap<String, Running>>,
    lease: Duration,
    stream: Bounds,
    window: Duration,
    nodes: usize,
}

impl<G> Drop for Hall<G> {
    fn drop(&mut self) {
        self.tasks.lock().unwrap().values().for_each(|(task, _)| task.abort());
    }
}

async fn hall() -> Hall {
    Hall::on(&[]).await
}

impl Hall {
    /// On a Redis with further settings.
    async fn on(settings: &[&str]) -> Self {
        Self::at(Server::start(settings).await, "usher:")
    }
}

impl<G: Ground> Hall<G> {
    /// On what is there, under a prefix.
    fn at(server: G, prefix: &str) -> Self {
        let lease = Duration::from_secs(5);
        let stream = Bounds { messages: 100, bytes: 8 * 1024, age: STREAM_AGE };
        let (engines, tasks, prefix) = (Mutex::default(), Mutex::default(), prefix.to_owned());
        Self { server, prefix, engines, tasks, lease, stream, window: WINDOW, nodes: 3 }
    }

    fn options(&self) -> Options {
        let prefix = self.prefix.clone();
        Options { lease: self.lease, prefix, ..options(&self.server.url()) }
    }

    /// A node, and its way to the engine.
    async fn engine(&self, name: &str) -> (Arc<Redis>, Node) {
        self.engine_with(name, &self.options()).await
    }

    /// The same, by another way or with other limits.
    async fn engine_with(&self, name: &str, options: &Options) -> (Arc<Redis>, Node) {
        let (mailboxes, shards) = Mailboxes::new(SHARDS, ROOM);
        let me = Arc::new(NodeRef { id: name.into(), generation: 1 });
        let connected = Redis::connect(options, mailboxes, Arc::clone(&me), self.terms()).await;
        let (engine, tasks) = connected.expect("this Redis is fit");
        let goes_on = watch::Sender::new(true);
        let task = tokio::spawn(run(tasks, goes_on.subscribe()));
        self.tasks.lock().unwrap().insert(name.to_owned(), (task, goes_on));
        let mut health = engine.health();
        health.wait_for(|health| *health == Health::Here).await.expect("it comes up");
        self.engines.lock().unwrap().push(Arc::clone(&engine));
        let node = Node { engine: Arc::clone(&engine) as Arc<dyn Engine>, me, shards };
        (engine, node)
    }
}

/// Runs a node's tasks while they are to go on.
async fn run(tasks: Tasks, mut goes_on: watch::Receiver<bool>) {
    let mut run = std::pin::pin!(tasks.run());
    loop {
        tokio::select! {
            biased;
            stopped = goes_on.wait_for(|goes_on| !*goes_on) => {
                if stopped.is_err() {
                    return;
                }
            }
            () = &mut run => return,
        }
        if goes_on.wait_for(|goes_on| *goes_on).await.is_err() {
            return;
        }
    }
}

impl<G: Ground> Hall<G> {
    /// A node is frozen, or goes on.
    fn freeze(&self, name: &str, frozen: bool) {
        self.tasks.lock().unwrap()[name].1.send_replace(!frozen);
    }

    /// A node does nothing more, as if its process had ended.
    fn stop(&self, name: &str) {
        self.tasks.lock().unwrap().remove(name).expect("it runs").0.abort();
        self.engines.lock().unwrap().retain(|engine| *engine.me.id != *name);
    }
}

#[async_trait]
impl<G: Ground> Rig for Hall<G> {
    fn nodes(&self) -> usize {
        self.nodes
    }

    async fn start(&self, name: &str) -> Node {
        self.engine(name).await.1
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time + Duration::from_millis(2)).await;
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    async fn arrive(&self) {
        let engines = self.engines.lock().unwrap().clone();
        for engine in engines {
            engine.proof().await.expect("what is sent arrives");
        }
    }

    fn terms(&self) -> Terms {
        let (resume_window, stream) = (self.window, self.stream);
        Terms { resume_window, stream, ..Terms::default() }
    }

    fn durability(&self) -> Durability {
        Durability::Primary
    }

    fn clock(&self) -> Option<Timestamp> {
        None
    }

    fn mailbox(&self) -> Option<usize> {
        None
    }
}
