//! Part: one shard's thread.
//!
//! What only the system can give it is had before there is a thread: a node whose shard could not
//! begin would be up, and serve none of the users of that slice.

use std::{io, net::TcpListener, rc::Rc, sync::Arc};

use engine::mailbox::Mailbox;
use tokio::{
    net,
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::{JoinSet, LocalSet, spawn_local},
};

use crate::{
    door::{self, Entrance, Shown, Visitor},
    node::Node,
    shard::{
        Command, Local, Shards,
        watch::{self as sockets, Watch, Watched},
    },
};

/// A socket that listens, what for, and the way to those who serve HTTP there.
pub(super) type Listening<L> = (Entrance, L, mpsc::Sender<Visitor>);

/// What one shard's thread needs.
pub(super) struct Part {
    pub(super) node: Arc<Node>,
    /// Which of the shards it is.
    pub(super) index: usize,
    pub(super) shards: Shards,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) mailbox: Mailbox,
    pub(super) begun: Begun,
    pub(super) shown: Shown,
    pub(super) stopping: watch::Receiver<bool>,
}

/// What the system gave a shard.
pub(super) struct Begun {
    runtime: Runtime,
    watched: Watched,
    watch: Watch,
    doors: Vec<Listening<net::TcpListener>>,
}

impl Begun {
    pub(super) fn new(listening: &[Listening<TcpListener>]) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let (watched, watch) = sockets::begin()?;
        let doors = listening.iter().map(|(entrance, listener, visitors)| {
            let listener = net::TcpListener::from_std(listener.try_clone()?)?;
            Ok((*entrance, listener, visitors.clone()))
        });
        let doors = doors.collect::<io::Result<_>>()?;
        drop(entered);
        Ok(Self { runtime, watched, watch, doors })
    }
}

impl Part {
    pub(super) fn run(self) {
        let Begun { runtime, watched, watch, doors } = self.begun;
        LocalSet::new().block_on(&runtime, async move {
            let local = Local::new(self.node, self.shards, self.index, watched);
            spawn_local(Rc::clone(&local).attend(watch));
            let mut open = JoinSet::new();
            for (entrance, listener, visitors) in doors {
                let (local, shown) = (Rc::clone(&local), self.shown.clone());
                open.spawn_local(door::open(local, entrance, listener, shown, visitors));
            }
            let mut stopping = self.stopping;
            spawn_local(async move {
                // Dropping the doors closes them.
                stopping.wait_for(|stop| *stop).await.ok();
                drop(open);
            });
            local.run(self.commands, self.mailbox).await;
        });
    }
}
