//! Reference: the page of documentation that names every setting, and every limit that is none.
//!
//! It is made from the tables that the program itself goes by, so it cannot be out of date; a test
//! holds docs/configuration.md against it.

use std::time::Duration;

use protocol::limit;

use super::{
    Config, environment,
    secret::{FIELDS, KeyField},
    show::{by_section, written},
    unit::Unit,
};

const INTRODUCTION: &str = "\
# Configuration

What an operator may choose. `usher dev` needs none of it; `usher serve` needs a key for the API and nothing else.

There are three layers, and each later one wins: a file, the environment, flags. What is not known is an error that
names its place and the nearest known name, and so is a value that is out of range.

```sh
usher config default > usher.toml
(umask 077; head -c 32 /dev/urandom | base64 > usher.key)
usher config check --config usher.toml --key-file usher.key
usher config show --config usher.toml --key-file usher.key
usher serve --config usher.toml --key-file usher.key
```

- The file is TOML. `usher config default` prints one in which every key stands as a comment; `usher config show` prints
  what is in effect and where each value comes from, without secrets.
- Every key is a variable too, named in the tables. Lists have commas between their items. A name with two underscores in
  a row that is no setting is an error; any other `USHER_…` is ignored.
- Durations are written `\"30s\"`, `\"1m30s\"` or `\"30d\"`; sizes `\"64KiB\"` or a number of bytes.
- Some settings bound each other: an outbox is at most half a stream, in frames and in bytes, so that whoever is parked
  for being slow finds all of it in the stream; a frame fits an outbox; the resume window is at most the age of a session.
";

const KEYS: &str = "
## Keys of the API

`[[api.keys]]`, as often as there are keys. Each has a name and one of `key_file`, `key` and `sha256`. Two keys at once are
how one is replaced: add the new one, let the backends change over, take the old one away.

`USHER_KEY` and `USHER_KEY_FILE` are for commands as well: `usher nodes` sends the key that `usher serve` takes. A flag,
`--key` or `--key-file`, wins over both.

A key whose scope is `read` may make every `GET`, `POST /v1/users/query`, and see the metrics; anything else is a 403
`read-only-key`.

";

const FIXED: &str = "
## Limits that are fixed

These are part of the protocol, on which apps and SDKs rely, or nobody was seen to need another value.

";

/// What no setting changes: bytes at most, of each of these.
const FIXED_BYTES: [(usize, &str); 11] = [
    (limit::UNSENT_BYTES as usize, "Of a socket, beyond what its peer has room for"),
    (limit::NAME_BYTES_MAX, "A user, device or class"),
    (limit::DATA_BYTES_MAX, "`data`, whatever `data_bytes` says"),
    (limit::META_BYTES_MAX, "`meta` of a ticket"),
    (limit::POSITION_BYTES_MAX, "A position"),
    (limit::KEY_BYTES_MAX, "A `ref`, an idempotency key"),
    (limit::ORIGIN_BYTES_MAX, "An origin"),
    (limit::REQUEST_LINE_BYTES_MAX, "A request line"),
    (limit::DETAIL_BYTES_MAX, "`detail` of a problem"),
    (limit::FIELD_BYTES_MAX, "`field` of a problem's `errors`"),
    (limit::KEY_SECRET_BYTES_MIN, "A key of the API, at the least"),
];

/// As many at most.
const FIXED_COUNTS: [(usize, &str); 14] = [
    (limit::BROADCASTS_WAITING_MAX, "Messages to everyone that wait for one shard"),
    (limit::DATA_DEPTH_MAX, "Levels of `data`"),
    (limit::HEADERS_MAX, "Headers of a request"),
    (limit::GRANT_USERS_MAX, "Users that a ticket names in `send`"),
    (limit::FRAMES_REFUSED_MAX as usize, "Frames refused for their rate before a session ends"),
    (limit::BAD_FRAMES_MAX as usize, "Frames in a row that are no JSON before a session ends"),
    (limit::LIST_MAX, "Items of a page of a list"),
    (limit::LIST_DEFAULT, "Items of a page when no `limit` is given"),
    (limit::KEYS_PER_SENDER_MAX, "Idempotency keys of one user's sessions, for each partition"),
    (limit::REPLAY_PAGE, "Messages that a replay reads at once"),
    (limit::EVENTS_KEPT, "Events that are kept for those who watch"),
    (limit::EVENT_WATCHERS_MAX, "Watchers of events"),
    (limit::SESSIONS_MAX, "Sessions of a node, whatever `sessions` says"),
    (limit::DESCRIPTORS_KEPT, "Descriptors that are kept for other things than sessions"),
];

/// As long at most.
const FIXED_TIMES: [(Duration, &str); 15] = [
    (limit::BODY_WAIT, "From a request's head to its whole body"),
    (limit::TICKET_TTL_MAX, "Life of a ticket"),
    (limit::TICKET_TTL_DEV, "Life of a ticket in `usher dev`, if it does not say"),
    (limit::TICKET_MEMORY, "How long a ticket is remembered after its end"),
    (limit::STREAM_MARGIN, "How much longer than the resume window a stream is kept"),
    (limit::CLOSE_WAIT, "Wait for a peer to close as well"),
    (limit::KEY_MEMORY, "How long an idempotency key is remembered"),
    (limit::PROBE_WAIT, "How long a session may take to answer a probe"),
    (limit::PROBED_WAIT, "How long a newcomer waits for all probes"),
    (limit::PROBE_SHARED, "How long an answer to a probe holds for the next newcomer"),
    (limit::EVENT_COMMENT, "Silence in a feed of events before a comment"),
    (limit::EVENT_STALL, "How long a watcher of events may take nothing"),
    (limit::STATS_EVERY, "How often statistics are told to who watches them"),
    (limit::RETRY_MAX, "After what time anybody is told to come back"),
    (limit::HOLD_MARGIN, "How much longer than that a session is kept that came too early"),
];

/// Every key in tables of Markdown, with what there is to know of them.
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let config = Config::default();
    for (section, settings) in by_section() {
        page += &match section {
            "" => "\n## At the top, before any section\n\n".to_owned(),
            section => format!("\n## `[{section}]`\n\n"),
        };
        let rows = settings.into_iter().map(|(_, setting)| {
            let default = match &setting.absent {
                Some(absent) => absent.words.to_owned(),
                None => format!("`{}`", written(setting, &config)),
            };
            let (key, variable) = (setting.key, setting.variable());
            let key = format!("`{key}`");
            [key, setting.help.to_owned(), default, setting.form(), format!("`{variable}`")]
        });
        page += &table(["Key", "Meaning", "Default", "May be", "Variable"], rows);
    }
    page += KEYS;
    let rows = FIELDS.into_iter().map(|KeyField { name, default, form, help }| {
        let variable = match name {
            "key" => format!("`{}`", environment::KEY),
            "key_file" => format!("`{}`", environment::KEY_FILE),
            _ => String::new(),
        };
        [format!("`{name}`"), help.to_owned(), default.to_owned(), form.to_owned(), variable]
    });
    page += &table(["Key", "Meaning", "Default", "May be", "Variable"], rows);
    page + FIXED + &table(["What", "Limit"], fixed())
}

fn fixed() -> impl Iterator<Item = [String; 2]> {
    let row = |unit: Unit, value: u64, what: &str| [what.to_owned(), unit.format(value)];
    let bytes = FIXED_BYTES.iter().map(move |(n, what)| row(Unit::Bytes, *n as u64, what));
    let counts = FIXED_COUNTS.iter().map(move |(n, what)| row(Unit::Count, *n as u64, what));
    let times = FIXED_TIMES.iter().map(move |(time, what)| {
        row(Unit::Millis, u64::try_from(time.as_millis()).unwrap_or(u64::MAX), what)
    });
    bytes.chain(counts).chain(times)
}

fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| format!("| {} |\n", cells.join(" | "));
    let begin = [head.map(str::to_owned), [(); N].map(|()| "---".to_owned())];
    begin.into_iter().chain(rows).map(line).collect()
}
