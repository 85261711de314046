//! Limits: every bound that the outside can meet, with its reason.
//!
//! A queue, body, wait or name without a bound is a way to take a server down, so each has one, and
//! it is here. Those that an operator may change are the defaults of a key of the configuration;
//! the rest are part of the protocol, or of no use to change. `docs/configuration.md` lists both,
//! and a test keeps any from being forgotten there.

use std::time::Duration;

/// Bytes of a user, device or class id. Long enough for any account id or e-mail address.
pub const NAME_BYTES_MAX: usize = 128;

/// Bytes of one message's `data`. Larger things belong in storage, with a link sent here.
pub const DATA_BYTES_MAX: usize = 64 * 1024;

/// Levels of arrays and objects in `data`; deeper ones break parsers of recipients.
pub const DATA_DEPTH_MAX: usize = 32;

/// Bytes of a ticket's `meta`, names and values together.
pub const META_BYTES_MAX: usize = 1024;

/// Bytes of a position as text.
pub const POSITION_BYTES_MAX: usize = 256;

/// Bytes of an idempotency key or of a frame's `ref`.
pub const KEY_BYTES_MAX: usize = 255;

/// Bytes of what is told of a fault: a sentence with a name in it. What was sent is not sent back.
pub const DETAIL_BYTES_MAX: usize = 512;

/// Bytes of that which name the field to blame. Names of our own are far shorter.
pub const FIELD_BYTES_MAX: usize = 160;

/// Bytes of an origin; a host name has at most 253.
pub const ORIGIN_BYTES_MAX: usize = 300;

/// Users that a ticket may name in `send`.
pub const GRANT_USERS_MAX: usize = 100;

/// Life of a ticket: long enough for one page load, short enough to be worthless in a log.
pub const TICKET_TTL: Duration = Duration::from_secs(30);

/// The longest life of a ticket: it is for one page load, not for a login.
pub const TICKET_TTL_MAX: Duration = Duration::from_secs(600);

/// Life of a ticket in `usher dev`, where a person pastes it by hand.
pub const TICKET_TTL_DEV: Duration = Duration::from_secs(600);

/// How long a spent or expired ticket is remembered after its end, so that its second use can be
/// told from a ticket that never was.
pub const TICKET_MEMORY: Duration = Duration::from_secs(60);

/// How long a session that lost its socket may resume.
pub const RESUME_WINDOW: Duration = Duration::from_secs(120);

/// How much longer than the window a stream is kept: the time a resume itself may take.
pub const STREAM_MARGIN: Duration = Duration::from_secs(60);

/// A session this old is ended (4203), whatever it does: logins end, and so do sessions.
pub const SESSION_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Bytes of an HTTP request head, as most proxies allow.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a request line.
pub const REQUEST_LINE_BYTES_MAX: usize = 4 * 1024;

/// Headers of one request.
pub const HEADERS_MAX: usize = 64;

/// From accept to a whole request head: a slower peer only holds a descriptor.
pub const HEAD_WAIT: Duration = Duration::from_secs(5);

/// From a request head to its whole body.
pub const BODY_WAIT: Duration = Duration::from_secs(10);

/// Silence after which the server pings: below the 30 s that the strictest proxies cut at.
pub const PING: Duration = Duration::from_secs(25);

/// Silence after a ping that means the peer is gone.
pub const PONG_WAIT: Duration = Duration::from_secs(10);

/// Bytes of one frame, and of one message, that a session sends: `data` and its envelope.
pub const FRAME_BYTES_MAX: usize = 80 * 1024;

/// Fragments of one message. Bytes alone do not bound work: fragments may be empty.
pub const FRAGMENTS_MAX: u32 = 64;

/// From a message's first byte to its last.
pub const MESSAGE_WAIT: Duration = Duration::from_secs(10);

/// Wait for the peer's half of a closing handshake, and for bytes it does not take.
pub const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// Frames that wait for one slow session.
pub const OUTBOX_FRAMES_MAX: usize = 256;

/// Bytes that wait for one slow session.
pub const OUTBOX_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a socket takes beyond what its peer has room for. The system would hold megabytes for
/// each peer that does not read, and all sockets of the machine share what it has for them. This is
/// enough to keep a fast peer busy until the node is told that it may write on.
pub const UNSENT_BYTES: u32 = 128 * 1024;

/// Share of the memory, in per cent, that may wait for all slow sessions together: the rest is for
/// the sessions themselves, their streams, and what the system needs.
pub const OUTBOXES_PERCENT: u32 = 25;

/// Messages kept in a user's stream.
pub const STREAM_MESSAGES_MAX: usize = 1024;

/// Bytes of `data` kept in a user's stream.
pub const STREAM_BYTES_MAX: usize = 1024 * 1024;

/// Sessions that any node may have. What bounds them is the number of descriptors, if no setting
/// does; this is far beyond what one machine was seen to hold.
pub const SESSIONS_MAX: usize = 10_000_000;

/// Descriptors that a node keeps for what is no session: listeners, calls of the API, sockets at
/// the door, files.
pub const DESCRIPTORS_KEPT: usize = 512;

/// Sessions of one user, whatever the policy says.
pub const SESSIONS_PER_USER_MAX: u32 = 128;

/// Frames a session may send in a second, kept up.
pub const FRAMES_PER_SECOND: u32 = 100;

/// Frames a session may send at once.
pub const FRAMES_BURST: u32 = 200;

/// Frames refused for their rate, beyond those that were taken meanwhile, before the session is
/// ended as a flood.
pub const FRAMES_REFUSED_MAX: u32 = 1000;

/// Frames in a row that are not JSON before the session is ended.
pub const BAD_FRAMES_MAX: u8 = 3;

/// Bytes of an HTTP body.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Items of a list, and the default when none is asked for.
pub const LIST_MAX: usize = 1000;

/// Items of a list when no `limit` is given.
pub const LIST_DEFAULT: usize = 100;

/// Events that a node keeps for those who watch it and come back, or read slowly. A thousand would do
/// for who comes back; a node under load has that many in a moment in which a watcher looks away.
pub const EVENTS_KEPT: usize = 8 * 1024;

/// Watchers of a node's events at once: each is a socket and a task. There are few operators.
pub const EVENT_WATCHERS_MAX: usize = 64;

/// Silence in the feed of events after which comes a comment, so that no proxy takes it for dead.
pub const EVENT_COMMENT: Duration = Duration::from_secs(15);

/// How long a watcher of events may take nothing before its socket is cut.
pub const EVENT_STALL: Duration = Duration::from_secs(60);

/// How often those who watch statistics get them.
pub const STATS_EVERY: Duration = Duration::from_secs(1);

/// Time without a sign of a node after which its sessions count as parked. Longer than a process
/// stands still for good reasons, and no longer than a person waits for a dead socket.
pub const LEASE: Duration = Duration::from_secs(5);

/// Time over which a draining node spreads the return of its sessions.
pub const DRAIN_WINDOW: Duration = Duration::from_secs(20);

/// Time between turning unready and refusing, for load balancers to notice.
pub const DRAIN_DELAY: Duration = Duration::from_secs(3);

/// Bytes of the body of a bulk send: a thousand names, and one message.
pub const BULK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Users that one call may name: more would keep others waiting for too long.
pub const USERS_PER_CALL_MAX: usize = 1000;

/// How long an idempotency key is remembered: longer than anybody tries the same call again.
pub const KEY_MEMORY: Duration = Duration::from_secs(600);

/// Idempotency keys remembered at once, over all partitions. One more is refused rather than an
/// old one forgotten, since what is forgotten would be sent twice.
pub const KEYS_MAX: usize = 1 << 20;

/// Idempotency keys remembered of one user's sessions in each partition: the latest, or whoever
/// sends much would leave no room to others. More than a session has under way at once.
pub const KEYS_PER_SENDER_MAX: usize = 256;

/// How long a session may take to answer a probe. Shorter than after a usual ping: a newcomer waits.
pub const PROBE_WAIT: Duration = Duration::from_secs(3);

/// How long a newcomer waits for the answers to all probes: the time above, and the way there.
pub const PROBED_WAIT: Duration = Duration::from_millis(4500);

/// How long a session that was heard of counts as there for the next newcomer, without a probe.
pub const PROBE_SHARED: Duration = Duration::from_secs(5);

/// New sessions a second and core: each takes a ticket, a decision and a welcome. After a restart
/// more would starve the sessions that are back already.
pub const ADMISSIONS_PER_SECOND: u32 = 1000;

/// Resumed sessions a second and core: they need no backend, so more are taken than new ones.
pub const RESUMES_PER_SECOND: u32 = 2000;

/// How long beyond the hint to come back later a session is kept whose resume was refused for now.
pub const HOLD_MARGIN: Duration = Duration::from_secs(30);

/// The longest time that is told to anybody who is to come back later.
pub const RETRY_MAX: Duration = Duration::from_secs(60);

/// Messages to everyone that wait for a shard which still writes an earlier one.
pub const BROADCASTS_WAITING_MAX: usize = 16;

/// Failed handshakes a second from one address, kept up.
pub const FAILED_HANDSHAKES_PER_SECOND: u32 = 20;

/// Failed handshakes at once from one address: a page that retries, behind one shared address.
pub const FAILED_HANDSHAKES_BURST: u32 = 200;

/// Wrong API keys a minute from one address: guessing is hopeless at any rate, but noisy.
pub const FAILED_KEYS_PER_MINUTE: u32 = 60;

/// Envelopes that wait for one shard before the engine refuses new messages for its users.
pub const MAILBOX_ENVELOPES_MAX: usize = 8192;

/// Items of a stream read at once in a replay.
pub const REPLAY_PAGE: usize = 64;

/// Bytes of an API key that `serve` accepts: shorter ones can be guessed.
pub const KEY_SECRET_BYTES_MIN: usize = 24;
