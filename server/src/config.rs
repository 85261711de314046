//! Configuration: what an operator may choose, with a default for everything else.
//!
//! A file, then the environment, then flags; each later one wins. What is not known is an error
//! with its place and the nearest known name, never silence.

mod reference;
mod show;
mod layers;
mod file;
mod environment;
mod draft;
mod relation;
mod settings;
mod setting;
mod secret;
mod text;
mod log;
mod unit;
mod engine;
mod key;
mod invalid;

use std::{net::SocketAddr, time::Duration};

use kernel::{outbox, rate::Rate, registry::Terms, stream};
use protocol::{grant::Origin, limit, partition::PARTITIONS};

use crate::{proxies::Proxies, tls};

pub use self::{
    draft::Effective,
    engine::Engine,
    file::File,
    invalid::{Invalid, Place},
    key::{Key, Scope, Weak},
    layers::{Flags, Layers},
    log::{Log, LogFormat},
    reference::reference,
    secret::ReadFile,
    show::{defaults, show},
};

/// Everything that a node is told when it starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen, for sockets and HTTP alike.
    pub listen: Vec<SocketAddr>,
    /// Where to listen for the API and metrics alone; then `listen` is for sessions.
    pub api_listen: Vec<SocketAddr>,
    /// What tickets and `welcome` say to connect to.
    pub public_url: Option<String>,
    /// What they say to connect to rather, to reach this node and no other.
    pub node_url: Option<String>,
    /// Pages that may connect.
    pub allowed_origins: Vec<Origin>,
    /// The certificate that sockets are shown; without one they speak no TLS.
    pub tls: Option<tls::Files>,
    /// Who is believed when it says for whom it speaks.
    pub trusted_proxies: Proxies,
    /// What keeps registry and streams.
    pub engine: Engine,
    /// Who may call the API.
    pub keys: Vec<Key>,
    /// The node's name.
    pub node: String,
    /// Whether this is `usher dev`: pages on this machine are trusted.
    pub dev: bool,
    /// Shards, each with a thread.
    pub shards: usize,
    /// How sessions are treated.
    pub session: Session,
    /// How a node goes away.
    pub drain: Drain,
    /// Bounds of single requests and frames.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: Log,
}

/// `[session]`
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// Life of a ticket that does not say.
    pub ticket_ttl: Duration,
    /// How long a session may be without its socket.
    pub resume_window: Duration,
    /// The age at which a session ends.
    pub max_age: Duration,
    /// Silence after which to ping.
    pub ping: Duration,
    /// Silence after a ping that means the peer is gone.
    pub pong_wait: Duration,
}

/// `[drain]`
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// Time over which sessions leave.
    pub window: Duration,
    /// Time between unready and refusing.
    pub delay: Duration,
}

/// `[limits]`
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions with a socket here.
    pub sessions: usize,
    /// Sessions of one user, whatever the policy says.
    pub sessions_per_user: u32,
    /// Users whom one call names.
    pub users_per_call: usize,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Time for a request's head.
    pub head_wait: Duration,
    /// Bytes of a message's data.
    pub data_bytes: usize,
    /// Bytes of a frame, and of a message, from a session.
    pub frame_bytes: usize,
    /// Fragments of a message from a session.
    pub fragments: u32,
    /// Time for a whole message.
    pub message_wait: Duration,
    /// Frames of a session.
    pub frames: Rate,
    /// Frames that wait for a slow session.
    pub outbox_frames: usize,
    /// Bytes that wait for a slow session.
    pub outbox_bytes: usize,
    /// Messages kept for a user.
    pub stream_messages: usize,
    /// Bytes kept for a user.
    pub stream_bytes: usize,
    /// Share of the memory, in per cent, that may wait for all slow sessions together.
    pub outboxes_percent: u32,
    /// Idempotency keys that are remembered.
    pub keys: usize,
    /// New sessions a second, for each core.
    pub admissions: u32,
    /// Sessions that come back in a second, for each core.
    pub resumes: u32,
    /// Bytes of an HTTP body.
    pub body_bytes: usize,
    /// Bytes of the body of a call to many users.
    pub bulk_bytes: usize,
    /// Envelopes that wait for a shard.
    pub mailbox_envelopes: usize,
    /// Failed handshakes of an address.
    pub failed_handshakes: Rate,
    /// Wrong keys of an address, each minute.
    pub failed_keys: Rate,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            ticket_ttl: limit::TICKET_TTL,
            resume_window: limit::RESUME_WINDOW,
            max_age: limit::SESSION_AGE_MAX,
            ping: limit::PING,
            pong_wait: limit::PONG_WAIT,
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { window: limit::DRAIN_WINDOW, delay: limit::DRAIN_DELAY }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: limit::SESSIONS_MAX,
            sessions_per_user: limit::SESSIONS_PER_USER_MAX,
            users_per_call: limit::USERS_PER_CALL_MAX,
            head_bytes: limit::HEAD_BYTES_MAX,
            head_wait: limit::HEAD_WAIT,
            data_bytes: limit::DATA_BYTES_MAX,
            frame_bytes: limit::FRAME_BYTES_MAX,
            fragments: limit::FRAGMENTS_MAX,
            message_wait: limit::MESSAGE_WAIT,
            frames: Rate { per_second: limit::FRAMES_PER_SECOND, burst: limit::FRAMES_BURST },
            outbox_frames: limit::OUTBOX_FRAMES_MAX,
            outbox_bytes: limit::OUTBOX_BYTES_MAX,
            stream_messages: limit::STREAM_MESSAGES_MAX,
            stream_bytes: limit::STREAM_BYTES_MAX,
            outboxes_percent: limit::OUTBOXES_PERCENT,
            keys: limit::KEYS_MAX,
            admissions: limit::ADMISSIONS_PER_SECOND,
            resumes: limit::RESUMES_PER_SECOND,
            body_bytes: limit::BODY_BYTES_MAX,
            bulk_bytes: limit::BULK_BYTES_MAX,
            mailbox_envelopes: limit::MAILBOX_ENVELOPES_MAX,
            failed_handshakes: Rate {
                per_second: limit::FAILED_HANDSHAKES_PER_SECOND,
                burst: limit::FAILED_HANDSHAKES_BURST,
            },
            failed_keys: Rate { per_second: 1, burst: limit::FAILED_KEYS_PER_MINUTE },
        }
    }
}

/// The port that Usher listens on unless told otherwise.
pub const PORT: u16 = 7328;

/// The key of `usher dev`, which `serve` refuses.
pub const DEV_KEY: &str = "usher_dev_key";

/// The key that examples show, which nobody may use.
pub const SAMPLE_KEY: &str = "replace-this-by-a-secret-of-your-own";

impl Config {
    /// What `usher dev` runs with: this machine only, a key that everybody knows.
    #[must_use]
    pub fn dev(listen: Vec<SocketAddr>) -> Self {
        Self {
            listen,
            keys: vec![Key::dev()],
            dev: true,
            node: "dev".to_owned(),
            session: Session { ticket_ttl: limit::TICKET_TTL_DEV, ..Session::default() },
            drain: Drain { window: Duration::ZERO, delay: Duration::ZERO },
            ..Self::default()
        }
    }

    /// What the registry keeps.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            resume_window: self.session.resume_window,
            session_age: self.session.max_age,
            sessions_per_user: self.limits.sessions_per_user,
            stream: stream::Bounds {
                messages: self.limits.stream_messages,
                bytes: self.limits.stream_bytes,
                age: self.session.resume_window + limit::STREAM_MARGIN,
            },
            keys: self.limits.keys / PARTITIONS,
        }
    }

    /// What may wait for a slow session.
    #[must_use]
    pub fn outbox(&self) -> outbox::Bounds {
        outbox::Bounds { frames: self.limits.outbox_frames, bytes: self.limits.outbox_bytes }
    }

    /// Whether a page may connect or mint.
    #[must_use]
    pub fn allows(&self, origin: &Origin) -> bool {
        self.allowed_origins.contains(origin) || (self.dev && origin.is_localhost())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], PORT))],
            api_listen: Vec::new(),
            public_url: None,
            node_url: None,
            allowed_origins: Vec::new(),
            tls: None,
            trusted_proxies: Proxies::default(),
            engine: Engine::default(),
            keys: Vec::new(),
            node: "usher".to_owned(),
            dev: false,
            shards: std::thread::available_parallelism().map_or(1, Into::into),
            session: Session::default(),
            drain: Drain::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

#[cfg(test)]
mod tests;
