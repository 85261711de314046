//! Proxy: between a session and a node, and no good to either.
//!
//! What becomes of a socket is drawn from the seed and the number of the socket alone: it is cut,
//! reset, stalled, closed on one side, left in silence, or fed by crumbs, after a time that is
//! drawn as well.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Notify,
    task::JoinHandle,
    time::sleep,
};

use crate::dice::Dice;

/// What becomes of one socket.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is closed at once.
    Refused,
    /// It is cut in the midst of what the node says first.
    CutEarly(usize),
    /// It is closed after a while.
    Cut(Duration),
    /// It is reset after a while.
    Reset(Duration),
    /// After a while nothing passes for some time, and then it is cut.
    Stall(Duration, Duration),
    /// After a while nothing passes any more, and nobody is told.
    Silence(Duration),
    /// After a while the node's side is closed, and what the session says still passes.
    Deaf(Duration),
    /// After a while the session's side is closed, and what the node says still passes.
    Mute(Duration),
    /// What the node says passes in crumbs, for a while.
    Crumbs(Duration),
}

impl Fate {
    fn draw(dice: &mut Dice) -> Self {
        let soon = dice.ms(5, 500);
        match dice.below(12) {
            0 => Self::Refused,
            1 => Self::CutEarly(usize::try_from(dice.below(700)).expect("it is small")),
            2 | 3 => Self::Reset(soon),
            4 | 5 => Self::Stall(soon, dice.ms(50, 1200)),
            6 => Self::Silence(soon),
            7 => Self::Deaf(soon),
            8 => Self::Mute(soon),
            9 => Self::Crumbs(soon),
            _ => Self::Cut(soon),
        }
    }
}

/// The proxy of a node.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where sessions connect.
    pub(crate) url: String,
    mended: Arc<Mended>,
    sockets: Arc<AtomicU64>,
    door: JoinHandle<()>,
}

/// Whether everything passes from now on.
#[derive(Debug, Default)]
struct Mended {
    is_so: AtomicBool,
    told: Notify,
}

impl Mended {
    async fn happens(&self) {
        loop {
            let told = self.told.notified();
            if self.is_so.load(Ordering::Acquire) {
                return;
            }
            told.await;
        }
    }
}

impl Proxy {
    /// Between here and a node.
    pub(crate) async fn start(node: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("ws://{}", listener.local_addr().expect("it has an address"));
        let (mended, sockets) = (Arc::<Mended>::default(), Arc::<AtomicU64>::default());
        let (is_mended, counted) = (Arc::clone(&mended), Arc::clone(&sockets));
        let door = tokio::spawn(async move {
            while let Ok((session, _)) = listener.accept().await {
                let fate =
                    Fate::draw(&mut Dice::new(seed, counted.fetch_add(1, Ordering::Relaxed)));
                tokio::spawn(pass(session, node, fate, Arc::clone(&is_mended)));
            }
        });
        Self { url, mended, sockets, door }
    }

    /// From now on everything passes; sockets that were ill-fated are closed.
    pub(crate) fn mend(&self) {
        self.mended.is_so.store(true, Ordering::Release);
        self.mended.told.notify_waiters();
    }

    /// How many sockets there were.
    pub(crate) fn sockets(&self) -> u64 {
        self.sockets.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn pass(session: TcpStream, node: SocketAddr, fate: Fate, mended: Arc<Mended>) {
    let Ok(node) = TcpStream::connect(node).await else { return };
    if mended.is_so.load(Ordering::Acquire) {
        let (mut session, mut node) = (session, node);
        // However it ends, it has ended.
        tokio::io::copy_bidirectional(&mut session, &mut node).await.ok();
        return;
    }
    tokio::select! {
        () = suffer(session, node, fate) => {}
        () = mended.happens() => {}
    }
}

async fn suffer(session: TcpStream, node: TcpStream, fate: Fate) {
    let ((mut from_session, mut to_session), (mut from_node, mut to_node)) =
        (session.into_split(), node.into_split());
    match fate {
        Fate::Refused => {}
        Fate::CutEarly(bytes) => {
            tokio::select! {
                () = flow(&mut from_session, &mut to_node) => {}
                () = first(&mut from_node, &mut to_session, bytes) => {}
            }
        }
        Fate::Cut(after) | Fate::Reset(after) => {
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, after).await;
            if matches!(fate, Fate::Reset(_)) {
                for stream in [to_session.as_ref(), to_node.as_ref()] {
                    stream.set_zero_linger().ok();
                }
            }
        }
        Fate::Stall(after, until) => {
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, after).await;
            sleep(until).await;
            let rest = Duration::from_millis(100);
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, rest).await;
        }
        Fate::Silence(after) => {
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, after).await;
            // Nobody is told; each side has to find out by itself.
            std::future::pending::<()>().await;
        }
        Fate::Deaf(after) => {
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, after).await;
            to_session.shutdown().await.ok();
            flow(&mut from_session, &mut to_node).await;
        }
        Fate::Mute(after) => {
            both(&mut from_session, &mut to_node, &mut from_node, &mut to_session, after).await;
            to_node.shutdown().await.ok();
            flow(&mut from_node, &mut to_session).await;
        }
        Fate::Crumbs(during) => {
            tokio::select! {
                () = flow(&mut from_session, &mut to_node) => {}
                () = crumbs(&mut from_node, &mut to_session) => {}
                () = sleep(during) => {}
            }
        }
    }
}

/// Lets everything pass for a while, or until one side ends.
async fn both(
    from_session: &mut OwnedReadHalf,
    to_node: &mut OwnedWriteHalf,
    from_node: &mut OwnedReadHalf,
    to_session: &mut OwnedWriteHalf,
    during: Duration,
) {
    tokio::select! {
        () = flow(from_session, to_node) => {}
        () = flow(from_node, to_session) => {}
        () = sleep(during) => {}
    }
}

async fn flow(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    tokio::io::copy(from, to).await.ok();
}

async fn first(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, bytes: usize) {
    let mut some = from.take(bytes as u64);
    tokio::io::copy(&mut some, to).await.ok();
}

async fn crumbs(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) {
    to.as_ref().set_nodelay(true).ok();
    let mut crumb = [0; 7];
    while let Ok(bytes @ 1..) = from.read(&mut crumb).await {
        if to.write_all(&crumb[..bytes]).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
