//! A proxy between a node and Redis that can keep answers to itself, or say more than was asked.

use std::sync::atomic::AtomicBool;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

use super::*;

/// How much passes in which time where answers trickle.
const PIECE: usize = 2048;
const WHILE: Duration = Duration::from_millis(40);

/// It ends with what it carries.
pub(super) struct Proxy {
    at: String,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    /// Whether answers are kept back.
    mute: AtomicBool,
    /// Whether they come a few at a time.
    trickles: AtomicBool,
    /// The script after whose next call they are.
    script: Mutex<Option<&'static str>>,
    /// What is said unasked before the answer to the next call of a script; nothing more, if that is
    /// nothing.
    unasked: Mutex<Option<(&'static str, Vec<u8>)>>,
}

/// What is said next by one connection, unasked.
type Unasked = Arc<Mutex<Option<Vec<u8>>>>;

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Calls,
    Answers,
}

impl Proxy {
    /// Stands before a server.
    pub(super) async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let at = listener.local_addr().expect("it has one").to_string();
        let (to, shared) = (server.at(), Arc::new(Shared::default()));
        let (knows, mut task) = (Arc::clone(&shared), JoinSet::new());
        task.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&to).await else { continue };
                let (near, far) = (near.into_split(), far.into_split());
                let (shared, next) = (&knows, Unasked::default());
                lines.spawn(pass(Way::Calls, near.0, far.1, Arc::clone(shared), Arc::clone(&next)));
                lines.spawn(pass(Way::Answers, far.0, near.1, Arc::clone(shared), next));
            }
        });
        Self { at, shared, _task: task }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.at)
    }

    /// Keeps answers back from the next call of a script on.
    pub(super) fn mute_at(&self, script: &'static redis::Script) {
        *self.shared.script.lock().unwrap() = Some(script.get_hash());
    }

    /// Says that a channel has ended, before the answer to the next call of a script.
    pub(super) fn end_channel_at(&self, script: &'static redis::Script, channel: &str) {
        let end = format!(">3\r\n$12\r\nsunsubscribe\r\n${}\r\n{channel}\r\n:0\r\n", channel.len());
        *self.shared.unasked.lock().unwrap() = Some((script.get_hash(), end.into_bytes()));
    }

    /// Ends the connection, rather than give the answer to the next call of a script.
    pub(super) fn end_line_at(&self, script: &'static redis::Script) {
        *self.shared.unasked.lock().unwrap() = Some((script.get_hash(), Vec::new()));
    }

    /// Passes only so much of what is answered in a while.
    pub(super) fn trickle(&self) {
        self.shared.trickles.store(true, Ordering::Release);
    }

    /// Keeps no answer back any more.
    pub(super) fn speak(&self) {
        self.shared.mute.store(false, Ordering::Release);
    }
}

/// Carries bytes one way. What is kept back once is lost, and all that would come after it.
async fn pass(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: Arc<Shared>,
    next: Unasked,
) {
    let (mut bytes, mut is_lost) = (vec![0; 1 << 16], false);
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let bytes = &bytes[..count];
        if way == Way::Calls {
            let mut script = shared.script.lock().unwrap();
            let calls = |hash: &str| bytes.windows(hash.len()).any(|some| some == hash.as_bytes());
            if script.is_some_and(calls) {
                *script = None;
                shared.mute.store(true, Ordering::Release);
            }
            if let Some((_, said)) = shared.unasked.lock().unwrap().take_if(|one| calls(one.0)) {
                *next.lock().unwrap() = Some(said);
            }
        } else {
            is_lost |= shared.mute.load(Ordering::Acquire);
            let unasked = next.lock().unwrap().take();
            if let Some(said) = unasked
                && (said.is_empty() || to.write_all(&said).await.is_err())
            {
                return;
            }
        }
        let trickles = way == Way::Answers && shared.trickles.load(Ordering::Acquire);
        for piece in bytes.chunks(if trickles { PIECE } else { bytes.len() }) {
            if !is_lost && to.write_all(piece).await.is_err() {
                return;
            }
            if trickles {
                tokio::time::sleep(WHILE).await;
            }
        }
    }
}
