//! Way: does to what passes whatever a bad network does.
//!
//! One is between each node and Redis, and one between visitors and each node; gates stand at its
//! beginning. What it does is one value that can be changed at any time, for sockets that are there
//! and for those to come.
//! With network namespaces the same could be done to processes that know of no proxy; what they
//! would add is in `docs/proof.md`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};

use crate::{dice::Dice, pushes::Pushes};

/// What happens to what goes one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Pace {
    #[default]
    Passes,
    /// It waits until that is over.
    Stalls,
}

/// What happens to pushes of Redis on their way to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Bell {
    #[default]
    Rings,
    /// None arrives.
    Silent,
    /// So many do not arrive.
    Misses(u64),
}

/// What the way does now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    /// To the far side, and back.
    pub(crate) there: Pace,
    pub(crate) back: Pace,
    /// Who comes now is refused.
    pub(crate) refuses: bool,
    /// Each piece takes so long, and up to so much longer.
    pub(crate) latency: Duration,
    pub(crate) jitter: Duration,
    pub(crate) bell: Bell,
    /// The next piece that comes back on each socket is dropped, and the socket closed.
    pub(crate) drops_reply: bool,
    /// Sockets older than this are closed.
    pub(crate) cut_before: u64,
    /// And are reset.
    pub(crate) resets: bool,
    /// Of sockets older than the first number, those that the second divides lie in silence.
    pub(crate) silent: Option<(u64, u64)>,
}

/// A way, by which sockets go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Way(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rules: watch::Sender<Rules>,
    sockets: AtomicU64,
    seed: u64,
}

impl Way {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Inner { seed, ..Inner::default() }))
    }

    /// Lets a socket go by it to `far`.
    pub(crate) async fn pass(&self, near: TcpStream, far: SocketAddr) {
        let number = self.0.sockets.fetch_add(1, Ordering::Relaxed) + 1;
        pass(near, far, number, self.0.rules.subscribe(), Dice::new(self.0.seed, number)).await;
    }

    /// From now on it does this; returns when whoever comes next is under it.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Rules)) {
        self.0.rules.send_modify(change);
    }

    /// Everything passes again. Sockets on which something was held back or lost are closed.
    pub(crate) fn heal(&self) {
        let number = self.next();
        self.0.rules.send_modify(|rules| {
            let harmed =
                rules.there != Pace::Passes || rules.back != Pace::Passes || rules.silent.is_some();
            let cut_before = if harmed { number } else { rules.cut_before };
            *rules = Rules { cut_before, ..Rules::default() };
        });
    }

    /// The same, and what was held back arrives now.
    pub(crate) fn let_go(&self) {
        self.0.rules.send_modify(|rules| {
            *rules = Rules { cut_before: rules.cut_before, ..Rules::default() };
        });
    }

    /// Closes all sockets that are there.
    pub(crate) fn cut(&self, resets: bool) {
        let number = self.next();
        self.0.rules.send_modify(|rules| (rules.cut_before, rules.resets) = (number, resets));
    }

    /// The number that the next socket has.
    pub(crate) fn next(&self) -> u64 {
        self.0.sockets.load(Ordering::Relaxed) + 1
    }
}

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Towards {
    Far,
    Near,
}

impl Rules {
    fn is_cut(&self, number: u64) -> bool {
        number < self.cut_before
    }

    fn stalls(&self, number: u64, towards: Towards) -> bool {
        let is_silent =
            self.silent.is_some_and(|(before, of)| number < before && number.is_multiple_of(of));
        is_silent
            || match towards {
                Towards::Far => self.there == Pace::Stalls,
                Towards::Near => self.back == Pace::Stalls,
            }
    }
}

async fn pass(
    near: TcpStream,
    far: SocketAddr,
    number: u64,
    rules: watch::Receiver<Rules>,
    dice: Dice,
) {
    if rules.borrow().refuses {
        near.set_zero_linger().ok();
        return;
    }
    let Ok(far) = TcpStream::connect(far).await else { return };
    for stream in [&near, &far] {
        stream.set_nodelay(true).ok();
    }
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
        (near.into_split(), far.into_split());
    let mut cut = rules.clone();
    let resets = tokio::select! {
        ended = cut.wait_for(|rules| rules.is_cut(number)) => ended.is_ok_and(|rules| rules.resets),
        // An end of one side is passed on, and the other may still speak, unless it is an error.
        () = async {
            let there = flow(&mut near_in, &mut far_out, (number, Towards::Far), rules.clone(), dice.clone());
            let back = flow(&mut far_in, &mut near_out, (number, Towards::Near), rules.clone(), dice);
            tokio::pin!(there, back);
            tokio::select! {
                goes_on = &mut there => if goes_on { back.await; },
                goes_on = &mut back => if goes_on { there.await; },
            }
        } => false,
    };
    if resets {
        for half in [near_out.as_ref(), far_out.as_ref()] {
            half.set_zero_linger().ok();
        }
    }
}

/// Passes on what comes until that ends; whether the other way may go on.
async fn flow(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    (number, towards): (u64, Towards),
    mut rules: watch::Receiver<Rules>,
    mut dice: Dice,
) -> bool {
    let mut buffer = vec![0; 32 * 1024];
    let mut pushes = Pushes::default();
    loop {
        let Ok(bytes) = from.read(&mut buffer).await else { return false };
        if rules.wait_for(|rules| !rules.stalls(number, towards)).await.is_err() {
            return false;
        }
        let now = *rules.borrow();
        if bytes == 0 {
            return to.shutdown().await.is_ok();
        }
        let jitter = u64::try_from(now.jitter.as_millis()).unwrap_or(0);
        let latency = now.latency + dice.ms(0, jitter + 1);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let piece = &buffer[..bytes];
        let passed = match towards {
            Towards::Far => to.write_all(piece).await,
            Towards::Near if now.drops_reply => return false,
            Towards::Near => to.write_all(&pushes.sift(piece, now.bell)).await,
        };
        if passed.is_err() {
            return false;
        }
    }
}
