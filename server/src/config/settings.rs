//! Settings: the table of everything that can be set.
//!
//! A row gives the name, the range, the field of [`Config`] and a line of help. The file, the
//! environment, `usher config` and the reference all go by this table, so a new setting is one
//! row. Defaults are not here: they are those of `Config::default`.

use std::{ops::RangeInclusive, time::Duration};

use protocol::limit::{
    DATA_BYTES_MAX, FRAME_BYTES_MAX, SESSIONS_MAX, SESSIONS_PER_USER_MAX, TICKET_TTL_MAX,
};

use super::{
    Config, log,
    setting::{Absent, Field, Setting, Slot},
    text,
    unit::{DAY, KIB, MIB, MINUTE, SECOND, Unit},
};

/// Bytes of a frame around the largest message.
const FRAME: u64 = FRAME_BYTES_MAX as u64;

/// Those at the top first, then each section in one piece.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        section: "",
        key: "listen",
        slot: Slot::List {
            form: "one or more of `address:port`",
            set: text::set_listen,
            get: |config| text::written(&config.listen),
        },
        absent: None,
        help: "Addresses to listen on, for sockets and HTTP alike; one, or a list.",
    },
    Setting {
        section: "",
        key: "public_url",
        slot: Slot::Text {
            form: "`wss://host` or `wss://host:port`",
            set: text::set_public_url,
            get: |c| c.public_url.clone(),
        },
        absent: Some(Absent { words: "not set", example: "\"wss://ws.example.com\"" }),
        help: "What tickets and welcome frames say to connect to.",
    },
    Setting {
        section: "",
        key: "allowed_origins",
        slot: Slot::List {
            form: "one or more of `https://host` or `https://host:port`",
            set: text::set_allowed_origins,
            get: |config| text::written(&config.allowed_origins),
        },
        absent: Some(Absent { words: "none", example: "[\"https://app.example.com\"]" }),
        help: "Pages that may connect; a ticket's own origin suffices too.",
    },
    Setting {
        section: "",
        key: "trusted_proxies",
        slot: Slot::List {
            form: "one or more of `address` or `address/prefix`",
            set: text::set_trusted_proxies,
            get: |config| text::written(config.trusted_proxies.networks()),
        },
        absent: Some(Absent { words: "none", example: "[\"10.0.0.0/8\"]" }),
        help: "Proxies whose `X-Forwarded-For` is believed.",
    },
    Setting {
        section: "",
        key: "shards",
        slot: Slot::Number {
            unit: Unit::Count,
            range: 1..=256,
            field: Field::Large(|c| &mut c.shards),
        },
        absent: Some(Absent { words: "one for each core", example: "8" }),
        help: "Threads that serve sessions.",
    },
    Setting {
        section: "node",
        key: "name",
        slot: Slot::Text {
            form: "letters, digits, `-`, `_` and `.`",
            set: text::set_node,
            get: |c| Some(c.node.clone()),
        },
        absent: Some(Absent { words: "the host name", example: "\"n1\"" }),
        help: "The node's name, in lists, events and logs.",
    },
    Setting {
        section: "node",
        key: "public_url",
        slot: Slot::Text {
            form: "`wss://host` or `wss://host:port`",
            set: text::set_node_url,
            get: |c| c.node_url.clone(),
        },
        absent: Some(Absent { words: "not set", example: "\"wss://n1.ws.example.com\"" }),
        help: "Where this node alone is reached; tickets name it before the common public_url.",
    },
    Setting {
        section: "api",
        key: "listen",
        slot: Slot::List {
            form: "one or more of `address:port`",
            set: text::set_api_listen,
            get: |config| text::written(&config.api_listen),
        },
        absent: Some(Absent {
            words: "none, the API is at `listen`",
            example: "\"127.0.0.1:7329\"",
        }),
        help: "Addresses for the API and metrics alone; `listen` then serves sessions only.",
    },
    Setting {
        section: "engine",
        key: "url",
        slot: Slot::List {
            form: engine::place::FORM,
            set: text::set_engine_url,
            get: |c| c.engine.url.urls(),
        },
        absent: None,
        help: "What keeps sessions and messages: this process, or a Redis that nodes share.",
    },
    Setting {
        section: "engine",
        key: "url_file",
        slot: Slot::File {
            set: |c, path| c.engine.url_file = Some(path),
            get: |c| c.engine.url_file.clone(),
        },
        absent: Some(Absent { words: "none", example: "\"engine.url\"" }),
        help: "A file with that URL, where there is a password in it.",
    },
    Setting {
        section: "engine",
        key: "ca_file",
        slot: Slot::File {
            set: |c, path| c.engine.ca_file = Some(path),
            get: |c| c.engine.ca_file.clone(),
        },
        absent: Some(Absent { words: "those of the web", example: "\"ca.pem\"" }),
        help: "Who signed the certificates of `rediss` servers, in PEM form.",
    },
    Setting {
        section: "engine",
        key: "prefix",
        slot: Slot::Text {
            form: "letters, digits, `-`, `_`, `.` and `:`",
            set: text::set_engine_prefix,
            get: |c| Some(c.engine.prefix.clone()),
        },
        absent: None,
        help: "What keys begin with in a store that is shared; there are none in memory.",
    },
    time(
        ("engine", "lease"),
        SECOND..=MINUTE,
        |c| &mut c.engine.lease,
        "Time without a sign of a node after which its sessions count as parked.",
    ),
    Setting {
        section: "tls",
        key: "cert_file",
        slot: Slot::File {
            set: |c, path| c.tls.get_or_insert_default().cert = path,
            get: |c| c.tls.as_ref().map(|tls| tls.cert.clone()),
        },
        absent: Some(Absent { words: "no TLS", example: "\"fullchain.pem\"" }),
        help: "The certificate and its chain, in PEM form; the port then speaks TLS only.",
    },
    Setting {
        section: "tls",
        key: "key_file",
        slot: Slot::File {
            set: |c, path| c.tls.get_or_insert_default().key = path,
            get: |c| c.tls.as_ref().map(|tls| tls.key.clone()),
        },
        absent: Some(Absent { words: "no TLS", example: "\"privkey.pem\"" }),
        help: "The private key of the certificate, in PEM form.",
    },
    time(
        ("session", "ticket_ttl"),
        SECOND..=TICKET_TTL_MAX.as_secs() * SECOND,
        |c| &mut c.session.ticket_ttl,
        "Life of a ticket that does not say.",
    ),
    time(
        ("session", "resume_window"),
        SECOND..=DAY,
        |c| &mut c.session.resume_window,
        "How long a session may be without its socket.",
    ),
    time(
        ("session", "max_age"),
        MINUTE..=365 * DAY,
        |c| &mut c.session.max_age,
        "The age at which a session ends, whatever it does.",
    ),
    time(
        ("session", "ping"),
        SECOND..=10 * MINUTE,
        |c| &mut c.session.ping,
        "Silence after which to ping.",
    ),
    time(
        ("session", "pong_wait"),
        SECOND..=MINUTE,
        |c| &mut c.session.pong_wait,
        "Silence after a ping that means that the peer is gone.",
    ),
    time(
        ("drain", "window"),
        0..=10 * MINUTE,
        |c| &mut c.drain.window,
        "Time over which sessions leave a node that goes away.",
    ),
    time(
        ("drain", "delay"),
        0..=MINUTE,
        |c| &mut c.drain.delay,
        "Time between unready and refusing, for load balancers to notice.",
    ),
    Setting {
        section: "limits",
        key: "sessions",
        slot: Slot::Number {
            unit: Unit::Count,
            range: 1..=SESSIONS_MAX as u64,
            field: Field::Large(|c| &mut c.limits.sessions),
        },
        absent: Some(Absent { words: "`ulimit -n` less 512", example: "20000" }),
        help: "Sessions that may have their socket at this node.",
    },
    count(
        "sessions_per_user",
        1..=SESSIONS_PER_USER_MAX as u64,
        Field::Small(|c| &mut c.limits.sessions_per_user),
        "Sessions of one user, whatever the policy of a ticket says.",
    ),
    bytes(
        "head_bytes",
        8 * KIB..=64 * KIB,
        |c| &mut c.limits.head_bytes,
        "Bytes of the head of a request or handshake.",
    ),
    time(
        ("limits", "head_wait"),
        SECOND..=MINUTE,
        |c| &mut c.limits.head_wait,
        "Time for a whole head, from the first moment of its socket.",
    ),
    bytes(
        "data_bytes",
        64..=DATA_BYTES_MAX as u64,
        |c| &mut c.limits.data_bytes,
        "Bytes of the data of a message, from a backend or a session.",
    ),
    bytes(
        "frame_bytes",
        KIB..=MIB,
        |c| &mut c.limits.frame_bytes,
        "Bytes of a frame, and of a message, from a session.",
    ),
    count(
        "fragments",
        1..=1024,
        Field::Small(|c| &mut c.limits.fragments),
        "Fragments of a message from a session.",
    ),
    time(
        ("limits", "message_wait"),
        SECOND..=MINUTE,
        |c| &mut c.limits.message_wait,
        "Time for a whole message, from its first byte.",
    ),
    count(
        "frames_per_second",
        1..=10_000,
        Field::Small(|c| &mut c.limits.frames.per_second),
        "Frames that a session may send in a second, kept up.",
    ),
    count(
        "frames_burst",
        1..=100_000,
        Field::Small(|c| &mut c.limits.frames.burst),
        "Frames that a session may send at once.",
    ),
    count(
        "outbox_frames",
        16..=65_536,
        Field::Large(|c| &mut c.limits.outbox_frames),
        "Frames that wait for a slow session.",
    ),
    bytes(
        "outbox_bytes",
        FRAME..=64 * MIB,
        |c| &mut c.limits.outbox_bytes,
        "Bytes that wait for a slow session.",
    ),
    count(
        "stream_messages",
        32..=65_536,
        Field::Large(|c| &mut c.limits.stream_messages),
        "Messages kept for a user.",
    ),
    bytes(
        "stream_bytes",
        2 * FRAME..=128 * MIB,
        |c| &mut c.limits.stream_bytes,
        "Bytes kept for a user.",
    ),
    count(
        "outboxes_percent",
        1..=90,
        Field::Small(|c| &mut c.limits.outboxes_percent),
        "Share of the memory, in per cent, that may wait for all slow sessions together.",
    ),
    count(
        "idempotency_keys",
        256..=1 << 30,
        Field::Large(|c| &mut c.limits.keys),
        "Idempotency keys remembered at once, each for ten minutes. Of an engine in memory.",
    ),
    count(
        "admissions_per_second",
        1..=1_000_000,
        Field::Small(|c| &mut c.limits.admissions),
        "New sessions taken in a second, for each core.",
    ),
    count(
        "resumes_per_second",
        1..=1_000_000,
        Field::Small(|c| &mut c.limits.resumes),
        "Sessions that come back, taken in a second, for each core.",
    ),
    bytes("body_bytes", FRAME..=64 * MIB, |c| &mut c.limits.body_bytes, "Bytes of an HTTP body."),
    bytes(
        "bulk_bytes",
        FRAME..=64 * MIB,
        |c| &mut c.limits.bulk_bytes,
        "Bytes of the body of a call to many users.",
    ),
    count(
        "users_per_call",
        1..=10_000,
        Field::Large(|c| &mut c.limits.users_per_call),
        "Users whom one call names.",
    ),
    count(
        "mailbox_envelopes",
        1024..=1_048_576,
        Field::Large(|c| &mut c.limits.mailbox_envelopes),
        "Envelopes that wait for one shard before messages are refused.",
    ),
    count(
        "failed_handshakes_per_second",
        1..=10_000,
        Field::Small(|c| &mut c.limits.failed_handshakes.per_second),
        "Failed handshakes of one address in a second, kept up.",
    ),
    count(
        "failed_handshakes_burst",
        1..=100_000,
        Field::Small(|c| &mut c.limits.failed_handshakes.burst),
        "Failed handshakes of one address at once.",
    ),
    count(
        "failed_keys_per_minute",
        60..=60_000,
        Field::PerMinute(|c| &mut c.limits.failed_keys),
        "Wrong API keys of one address in a minute.",
    ),
    Setting {
        section: "log",
        key: "format",
        slot: Slot::Text {
            form: "`text` or `json`",
            set: log::set_format,
            get: |c| Some(c.log.format.name().to_owned()),
        },
        absent: None,
        help: "How a line of the log looks.",
    },
    Setting {
        section: "log",
        key: "filter",
        slot: Slot::Text {
            form: "a level, or levels by module",
            set: log::set_filter,
            get: |c| Some(c.log.filter.clone()),
        },
        absent: None,
        help: "What is logged: off, error, warn, info, debug or trace, or as in \"info,server=debug\".",
    },
];

/// The index of a setting.
pub(super) fn find(section: &str, key: &str) -> Option<usize> {
    SETTINGS.iter().position(|s| s.section == section && s.key == key)
}

/// The keys of a section.
pub(super) fn keys(section: &str) -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter(move |s| s.section == section).map(|s| s.key)
}

/// The sections, in the table's order.
pub(super) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = SETTINGS.iter().map(|s| s.section).collect();
    sections.dedup();
    sections.retain(|section| !section.is_empty());
    sections
}

const fn time(
    (section, key): (&'static str, &'static str),
    range: RangeInclusive<u64>,
    field: fn(&mut Config) -> &mut Duration,
    help: &'static str,
) -> Setting {
    let slot = Slot::Number { unit: Unit::Millis, range, field: Field::Time(field) };
    Setting { section, key, slot, absent: None, help }
}

const fn bytes(
    key: &'static str,
    range: RangeInclusive<u64>,
    field: fn(&mut Config) -> &mut usize,
    help: &'static str,
) -> Setting {
    let slot = Slot::Number { unit: Unit::Bytes, range, field: Field::Large(field) };
    Setting { section: "limits", key, slot, absent: None, help }
}

const fn count(
    key: &'static str,
    range: RangeInclusive<u64>,
    field: Field,
    help: &'static str,
) -> Setting {
    let slot = Slot::Number { unit: Unit::Count, range, field };
    Setting { section: "limits", key, slot, absent: None, help }
}
