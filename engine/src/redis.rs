//! Redis: an engine for many nodes, in a Redis or Valkey that they share.
//!
//! The rules stay the kernel's. A step reads what it looks at, takes the kernel's own step, and
//! writes what differs if nothing has changed (`step`). Only a message, of which there are most, is
//! numbered, kept, aimed and sent by one script (`sends`). Envelopes travel by sharded pub/sub,
//! counted, and what gets lost is made up for from what is kept (`post`, `repair`, `keeper`).
//!
//! Where a partition is, and whether there are several servers, only `atlas` knows and what is below
//! it. Why it is so: `docs/design/0017-redis-engine.md`, `docs/design/0018-redis-shapes.md`.

mod keeper;
mod renewals;
mod room;
mod foreign;
mod sound;
mod stock;
mod meet;
mod fleet;
mod news;
mod repair;
mod post;
mod sweep;
mod admit;
mod people;
mod sends;
mod step;
mod change;
mod orphans;
mod look;
mod unreadable;
mod way;
mod atlas;
mod chart;
mod host;
mod ear;
mod queue;
mod wire;
mod roll;
mod kept;
mod link;
mod judge;
mod seek;
mod dial;
mod pulse;
mod counts;
mod turns;
mod sweepers;
mod script;
mod shade;
mod keys;
mod options;
mod shape;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kernel::{
    message::{Fenced, Message, NodeRef},
    registry::{
        Attempt, Blocked, Blocking, Census, Draft, Ended, Grant, Key, Presence, Reader, Receipt,
        Terms, Touch,
    },
    stream::Page,
};
use protocol::{
    close::CloseCode,
    http::{Durability, Session},
    id::{ResumeToken, Ticket},
    name::UserId,
    partition::{PARTITIONS, Partition},
    time::Timestamp,
};
use tokio::sync::{RwLock, watch};

use self::{
    atlas::Atlas,
    counts::Counts,
    dial::Dial,
    host::Host,
    judge::{Judge, Layout},
    keys::{HOME, Keys},
    link::Fault,
    news::News,
    orphans::Orphans,
    roll::Roll,
    sweepers::Sweepers,
    turns::Turns,
    unreadable::Unreadable,
};
use crate::{
    contract::{
        Admission, Departed, Departure, Ending, Engine, Failed, NotAdmitted, NotAppended,
        NotMinted, Query, Spread,
    },
    fleet::Health,
    mailbox::Mailboxes,
    tenure::Tenure,
};

pub use self::{
    keeper::Tasks,
    options::{Options, Refused},
    shape::{Misread, Shape},
};

/// The longest prefix of keys.
const PREFIX_BYTES_MAX: usize = 64;

/// An engine in a Redis that nodes share.
pub struct Redis {
    atlas: Atlas,
    keys: Keys,
    terms: Terms,
    me: Arc<NodeRef>,
    lease: Duration,
    patience: Duration,
    mailboxes: Mailboxes,
    counts: Counts,
    tenure: Arc<Tenure>,
    /// Whether the node was asked to go away.
    asked: watch::Sender<bool>,
    /// Whether it has left.
    has_left: AtomicBool,
    /// Held by whoever tells Redis that the node is there.
    staying: RwLock<()>,
    news: News,
    roll: Roll,
    turns: Turns,
    health: watch::Sender<Health>,
    /// For versions that no other step has.
    steps: AtomicU64,
    proofs: AtomicU64,
    next_sweep: AtomicUsize,
    sweepers: Sweepers,
    orphans: Orphans,
    unreadable: Unreadable,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Redis {
    /// Connects the node `me`. Nothing arrives, and nobody is admitted, until [`Tasks::run`] runs
    /// and [`crate::fleet::Fleet::health`] tells that the engine is there. The generation of `me` must be another
    /// one at each start.
    ///
    /// # Errors
    /// Says in one line why this Redis cannot be used.
    pub async fn connect(
        options: &Options,
        mailboxes: Mailboxes,
        me: Arc<NodeRef>,
        terms: Terms,
    ) -> Result<(Arc<Self>, Tasks), Refused> {
        let prefix = &options.prefix;
        if prefix.contains(['{', '}']) || prefix.len() > PREFIX_BYTES_MAX {
            return Err(Refused::Prefix);
        }
        let engine = Arc::new(Self {
            atlas: Atlas::new(options.shape.clone(), Dial::new(options)?),
            keys: Keys::new(prefix),
            terms,
            me,
            lease: options.lease,
            patience: options.patience,
            mailboxes,
            counts: Counts::new(),
            tenure: Arc::new(Tenure::new(options.lease)),
            asked: watch::Sender::new(false),
            has_left: AtomicBool::new(false),
            staying: RwLock::default(),
            news: News::new(),
            roll: Roll::new(),
            turns: Turns::new(),
            health: watch::Sender::new(Health::Lost(None)),
            steps: AtomicU64::new(0),
            proofs: AtomicU64::new(0),
            next_sweep: AtomicUsize::new(0),
            sweepers: Sweepers::default(),
            orphans: Orphans::default(),
            unreadable: Unreadable::default(),
        });
        engine.reach().await?;
        Ok((Arc::clone(&engine), Tasks { engine }))
    }

    /// Connects to all servers. One that does not answer is missed later, if there are others.
    async fn reach(&self) -> Result<(), Refused> {
        self.atlas.look().await?;
        let (mut missed, mut why, mut is_new) = (0, None, false);
        for host in self.atlas.hosts() {
            match host.link.connect(&self.judge(&host)).await {
                Err(refused) if refused.is_absence() => {
                    missed += self.atlas.of(&host).len();
                    why = Some(refused);
                }
                reached => is_new |= reached?,
            }
        }
        if is_new {
            self.found().await;
        }
        why.filter(|_| missed * 2 >= PARTITIONS).map_or(Ok(()), Err)
    }

    /// What a server should be.
    fn judge(&self, host: &Arc<Host>) -> Judge {
        let cluster = self.atlas.shape().is_cluster();
        let key = if cluster { self.keys.layout_of_all() } else { self.keys.layout() };
        let is_asked =
            !cluster || self.atlas.host(HOME).is_some_and(|home| Arc::ptr_eq(&home, host));
        let primaries = Partition::all().filter(|_| !cluster).map(|one| self.keys.primary(one));
        let layout = is_asked.then(|| Layout {
            key,
            text: self.atlas.shape().layout(),
            primaries: primaries.collect(),
        });
        Judge { cluster, layout }
    }

    /// How many partitions were repaired, since something sent to this node did not arrive.
    #[must_use]
    pub fn repaired(&self) -> u64 {
        self.counts.repaired()
    }

    fn version(&self) -> String {
        format!("{}/{:x}", self.me, self.steps.fetch_add(1, Ordering::Relaxed))
    }
}

#[async_trait]
impl Engine for Redis {
    async fn mint(
        &self,
        ticket: Ticket,
        grant: Grant,
        ttl: Duration,
    ) -> Result<Timestamp, NotMinted> {
        self.issue(ticket, grant, ttl).await
    }

    async fn admit(&self, attempt: Attempt) -> Result<Admission, NotAdmitted> {
        self.find_place(&attempt).await
    }

    async fn withdraw(&self, attempt: &Attempt) -> Result<Departed, Failed> {
        self.take_back(attempt).await
    }

    async fn hold(&self, token: ResumeToken, wait: Duration) -> Result<(), Failed> {
        self.keep(token, wait).await
    }

    async fn depart(&self, fenced: Fenced, departure: Departure) -> Result<Departed, Failed> {
        self.let_go(fenced, departure).await
    }

    async fn touch(&self, fenced: Fenced, touch: Touch) -> Result<(), Failed> {
        self.note(fenced, touch).await
    }

    async fn append(&self, user: &UserId, draft: Draft) -> Result<Receipt, NotAppended> {
        self.number(user, draft).await
    }

    async fn begin(&self, key: &Key) -> Result<(), NotAppended> {
        self.spread(None, Some(key)).await.map(drop)
    }

    async fn everyone(
        &self,
        message: Arc<Message>,
        key: Option<Key>,
    ) -> Result<Spread, NotAppended> {
        self.spread(Some(&message), key.as_ref()).await
    }

    async fn read(
        &self,
        reader: &Reader,
        messages: usize,
        bytes: usize,
    ) -> Result<Option<Page>, Failed> {
        self.read_on(reader, messages, bytes).await.map_err(Fault::of_look)
    }

    async fn end(&self, ending: &Ending, code: CloseCode) -> Result<Vec<Ended>, Failed> {
        self.end_all(ending, code).await
    }

    async fn block(&self, user: &UserId, blocking: Blocking) -> Result<Vec<Ended>, Failed> {
        self.keep_out(user, blocking).await
    }

    async fn blocks(&self, after: Option<UserId>, most: usize) -> Result<Vec<Blocked>, Failed> {
        self.kept_out(after, most).await.map_err(Fault::of_look)
    }

    async fn presence(&self, users: &[UserId]) -> Result<Vec<Presence>, Failed> {
        self.who_of(users).await.map_err(Fault::of_look)
    }

    async fn census(&self) -> Result<Census, Failed> {
        self.count().await.map_err(Fault::of_look)
    }

    async fn sessions(&self, query: &Query) -> Result<Vec<Session>, Failed> {
        self.list(query).await.map_err(Fault::of_look)
    }

    async fn sweep(&self) -> Result<Vec<Ended>, Failed> {
        self.sweep_next(self.next_sweep.fetch_add(1, Ordering::Relaxed)).await
    }

    fn durability(&self) -> Durability {
        Durability::Primary
    }
}

#[cfg(test)]
mod tests;
