//! What people read: the effective configuration, the file of defaults, the reference.

use std::{collections::HashSet, path::Path};

use expect_test::expect;

use super::{
    super::{
        Config, Flags, defaults, reference,
        setting::{Slot, Value},
        settings::{SETTINGS, sections},
        show,
    },
    Said, resolve,
};

#[test]
fn each_value_is_shown_with_where_it_comes_from() {
    let said = Said {
        file: "shards = 2\nallowed_origins = [\"https://a.example\"]\n[drain]\nwindow = \"90s\"\n",
        environment: &[("USHER_SESSION__PING", "30s"), ("USHER_KEY_FILE", "/etc/usher/key")],
        flags: Flags { listen: vec!["127.0.0.1:7000".to_owned()], ..Flags::default() },
    };
    expect![[r#"
        listen = "127.0.0.1:7000"                # --listen
        # public_url = (not set)                 # default
        allowed_origins = ["https://a.example"]  # conf/usher.toml:2
        shards = 2                               # conf/usher.toml:1

        [node]
        name = "host"                            # host name

        [tls]
        # cert_file = (not set)                  # default
        # key_file = (not set)                   # default

        [session]
        ticket_ttl = "30s"                       # default
        resume_window = "2m"                     # default
        max_age = "30d"                          # default
        ping = "30s"                             # USHER_SESSION__PING
        pong_wait = "10s"                        # default

        [drain]
        window = "1m30s"                         # conf/usher.toml:4
        delay = "3s"                             # default

        [limits]
        frame_bytes = "80KiB"                    # default
        fragments = 64                           # default
        message_wait = "10s"                     # default
        frames_per_second = 100                  # default
        frames_burst = 200                       # default
        outbox_frames = 256                      # default
        outbox_bytes = "256KiB"                  # default
        stream_messages = 1024                   # default
        stream_bytes = "1MiB"                    # default
        outboxes_percent = 25                    # default
        idempotency_keys = 1048576               # default
        admissions_per_second = 1000             # default
        resumes_per_second = 2000                # default
        body_bytes = "1MiB"                      # default
        bulk_bytes = "4MiB"                      # default
        failed_handshakes_per_second = 20        # default
        failed_handshakes_burst = 200            # default
        failed_keys_per_minute = 60              # default

        [log]
        format = "text"                          # default
        filter = "info"                          # default

        [[api.keys]]
        name = "env"
        key_file = "/etc/usher/key"              # USHER_KEY_FILE
    "#]]
    .assert_eq(&show(&resolve(said).unwrap()));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let file = "shards = 2\npublic_url = \"wss://a.example\"\nlisten = [\"[::1]:1\", \"[::]:2\"]\n";
    let once = resolve(Said { file, ..Said::default() }).unwrap();
    let again = resolve(Said { file: &show(&once), ..Said::default() }).unwrap();
    assert_eq!(format!("{:?}", once.config), format!("{:?}", again.config));
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the file, line by line")]
fn the_defaults_are_a_file_of_comments() {
    expect![[r##"
        # Every key, as it is when nothing is said. Take away the `# ` to change one.

        # Addresses to listen on, for sockets and HTTP alike; one, or a list.
        # listen = "0.0.0.0:7328"

        # What tickets and welcome frames say to connect to. Default: not set.
        # public_url = "wss://ws.example.com"

        # Pages that may connect; a ticket's own origin suffices too. Default: none.
        # allowed_origins = ["https://app.example.com"]

        # Threads that serve sessions. Default: one for each core.
        # shards = 8

        [node]

        # The node's name, in lists, events and logs. Default: the host name.
        # name = "n1"

        [tls]

        # The certificate and its chain, in PEM form; the port then speaks TLS only. Default: no TLS.
        # cert_file = "fullchain.pem"

        # The private key of the certificate, in PEM form. Default: no TLS.
        # key_file = "privkey.pem"

        [session]

        # Life of a ticket that does not say.
        # ticket_ttl = "30s"

        # How long a session may be without its socket.
        # resume_window = "2m"

        # The age at which a session ends, whatever it does.
        # max_age = "30d"

        # Silence after which to ping.
        # ping = "25s"

        # Silence after a ping that means that the peer is gone.
        # pong_wait = "10s"

        [drain]

        # Time over which sessions leave a node that goes away.
        # window = "20s"

        # Time between unready and refusing, for load balancers to notice.
        # delay = "3s"

        [limits]

        # Bytes of a frame, and of a message, from a session.
        # frame_bytes = "80KiB"

        # Fragments of a message from a session.
        # fragments = 64

        # Time for a whole message, from its first byte.
        # message_wait = "10s"

        # Frames that a session may send in a second, kept up.
        # frames_per_second = 100

        # Frames that a session may send at once.
        # frames_burst = 200

        # Frames that wait for a slow session.
        # outbox_frames = 256

        # Bytes that wait for a slow session.
        # outbox_bytes = "256KiB"

        # Messages kept for a user.
        # stream_messages = 1024

        # Bytes kept for a user.
        # stream_bytes = "1MiB"

        # Share of the memory, in per cent, that may wait for all slow sessions together.
        # outboxes_percent = 25

        # Idempotency keys remembered at once, each for ten minutes.
        # idempotency_keys = 1048576

        # New sessions taken in a second, for each core.
        # admissions_per_second = 1000

        # Sessions that come back, taken in a second, for each core.
        # resumes_per_second = 2000

        # Bytes of an HTTP body.
        # body_bytes = "1MiB"

        # Bytes of the body of a call to many users.
        # bulk_bytes = "4MiB"

        # Failed handshakes of one address in a second, kept up.
        # failed_handshakes_per_second = 20

        # Failed handshakes of one address at once.
        # failed_handshakes_burst = 200

        # Wrong API keys of one address in a minute.
        # failed_keys_per_minute = 60

        [log]

        # How a line of the log looks.
        # format = "text"

        # What is logged: off, error, warn, info, debug or trace, or as in "info,server=debug".
        # filter = "info"

        # Who may call the API, as often as there are keys.
        # [[api.keys]]
        # name = "backend"
        # key_file = "backend.key"
    "##]]
    .assert_eq(&defaults());
}

#[test]
fn the_file_of_defaults_changes_nothing() {
    let plain = resolve(Said { file: &defaults(), ..Said::default() }).unwrap();
    let expected = Config { node: "host".to_owned(), ..Config::default() };
    assert_eq!(format!("{:?}", plain.config), format!("{expected:?}"));
}

#[test]
fn the_file_of_defaults_is_right_without_its_comments() {
    let text = defaults();
    let keys = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(key) if key.contains(" = ") || key.starts_with('[') => key,
        _ => line,
    });
    let file: String = keys.map(|line| line.to_owned() + "\n").collect();
    let wrong = resolve(Said { file: &file, ..Said::default() }).unwrap_err();
    expect![[r#"
        conf/usher.toml:120: cannot read conf/backend.key: no such file
    "#]]
    .assert_eq(&wrong);
}

#[test]
fn the_reference_names_every_setting() {
    expect![[r#"
        | Key | Default | May be | Variable | Meaning |
        | --- | --- | --- | --- | --- |
        | `listen` | `"0.0.0.0:7328"` | one or more of `address:port` | `USHER_LISTEN` | Addresses to listen on, for sockets and HTTP alike; one, or a list. |
        | `public_url` | not set | `wss://host` or `wss://host:port` | `USHER_PUBLIC_URL` | What tickets and welcome frames say to connect to. |
        | `allowed_origins` | none | one or more of `https://host` or `https://host:port` | `USHER_ALLOWED_ORIGINS` | Pages that may connect; a ticket's own origin suffices too. |
        | `shards` | one for each core | 1 to 256 | `USHER_SHARDS` | Threads that serve sessions. |
        | `node.name` | the host name | letters, digits, `-`, `_` and `.` | `USHER_NODE__NAME` | The node's name, in lists, events and logs. |
        | `tls.cert_file` | no TLS | a path | `USHER_TLS__CERT_FILE` | The certificate and its chain, in PEM form; the port then speaks TLS only. |
        | `tls.key_file` | no TLS | a path | `USHER_TLS__KEY_FILE` | The private key of the certificate, in PEM form. |
        | `session.ticket_ttl` | `"30s"` | 1s to 10m | `USHER_SESSION__TICKET_TTL` | Life of a ticket that does not say. |
        | `session.resume_window` | `"2m"` | 1s to 1d | `USHER_SESSION__RESUME_WINDOW` | How long a session may be without its socket. |
        | `session.max_age` | `"30d"` | 1m to 365d | `USHER_SESSION__MAX_AGE` | The age at which a session ends, whatever it does. |
        | `session.ping` | `"25s"` | 1s to 10m | `USHER_SESSION__PING` | Silence after which to ping. |
        | `session.pong_wait` | `"10s"` | 1s to 1m | `USHER_SESSION__PONG_WAIT` | Silence after a ping that means that the peer is gone. |
        | `drain.window` | `"20s"` | 0s to 10m | `USHER_DRAIN__WINDOW` | Time over which sessions leave a node that goes away. |
        | `drain.delay` | `"3s"` | 0s to 1m | `USHER_DRAIN__DELAY` | Time between unready and refusing, for load balancers to notice. |
        | `limits.frame_bytes` | `"80KiB"` | 1KiB to 1MiB | `USHER_LIMITS__FRAME_BYTES` | Bytes of a frame, and of a message, from a session. |
        | `limits.fragments` | `64` | 1 to 1024 | `USHER_LIMITS__FRAGMENTS` | Fragments of a message from a session. |
        | `limits.message_wait` | `"10s"` | 1s to 1m | `USHER_LIMITS__MESSAGE_WAIT` | Time for a whole message, from its first byte. |
        | `limits.frames_per_second` | `100` | 1 to 10000 | `USHER_LIMITS__FRAMES_PER_SECOND` | Frames that a session may send in a second, kept up. |
        | `limits.frames_burst` | `200` | 1 to 100000 | `USHER_LIMITS__FRAMES_BURST` | Frames that a session may send at once. |
        | `limits.outbox_frames` | `256` | 16 to 65536 | `USHER_LIMITS__OUTBOX_FRAMES` | Frames that wait for a slow session. |
        | `limits.outbox_bytes` | `"256KiB"` | 80KiB to 64MiB | `USHER_LIMITS__OUTBOX_BYTES` | Bytes that wait for a slow session. |
        | `limits.stream_messages` | `1024` | 32 to 65536 | `USHER_LIMITS__STREAM_MESSAGES` | Messages kept for a user. |
        | `limits.stream_bytes` | `"1MiB"` | 160KiB to 128MiB | `USHER_LIMITS__STREAM_BYTES` | Bytes kept for a user. |
        | `limits.outboxes_percent` | `25` | 1 to 90 | `USHER_LIMITS__OUTBOXES_PERCENT` | Share of the memory, in per cent, that may wait for all slow sessions together. |
        | `limits.idempotency_keys` | `1048576` | 256 to 1073741824 | `USHER_LIMITS__IDEMPOTENCY_KEYS` | Idempotency keys remembered at once, each for ten minutes. |
        | `limits.admissions_per_second` | `1000` | 1 to 1000000 | `USHER_LIMITS__ADMISSIONS_PER_SECOND` | New sessions taken in a second, for each core. |
        | `limits.resumes_per_second` | `2000` | 1 to 1000000 | `USHER_LIMITS__RESUMES_PER_SECOND` | Sessions that come back, taken in a second, for each core. |
        | `limits.body_bytes` | `"1MiB"` | 80KiB to 64MiB | `USHER_LIMITS__BODY_BYTES` | Bytes of an HTTP body. |
        | `limits.bulk_bytes` | `"4MiB"` | 80KiB to 64MiB | `USHER_LIMITS__BULK_BYTES` | Bytes of the body of a call to many users. |
        | `limits.failed_handshakes_per_second` | `20` | 1 to 10000 | `USHER_LIMITS__FAILED_HANDSHAKES_PER_SECOND` | Failed handshakes of one address in a second, kept up. |
        | `limits.failed_handshakes_burst` | `200` | 1 to 100000 | `USHER_LIMITS__FAILED_HANDSHAKES_BURST` | Failed handshakes of one address at once. |
        | `limits.failed_keys_per_minute` | `60` | 60 to 60000 | `USHER_LIMITS__FAILED_KEYS_PER_MINUTE` | Wrong API keys of one address in a minute. |
        | `log.format` | `"text"` | `text` or `json` | `USHER_LOG__FORMAT` | How a line of the log looks. |
        | `log.filter` | `"info"` | a level, or levels by module | `USHER_LOG__FILTER` | What is logged: off, error, warn, info, debug or trace, or as in "info,server=debug". |
        | `api.keys[].name` |  | a string |  | What logs call the key. |
        | `api.keys[].key_file` |  | a string | `USHER_KEY_FILE` | A file with the secret; a relative path starts at the configuration file. |
        | `api.keys[].key` |  | a string | `USHER_KEY` | The secret itself, of at least 24 bytes. |
        | `api.keys[].sha256` |  | a string |  | The SHA-256 hash of the secret, as 64 hex digits. |
    "#]].assert_eq(&reference());
}

#[test]
fn the_table_is_in_order_and_its_defaults_are_in_range() {
    let names: HashSet<_> = SETTINGS.iter().map(|setting| setting.variable()).collect();
    assert_eq!(names.len(), SETTINGS.len(), "each variable is one setting's");
    let sections = sections();
    assert_eq!(HashSet::<_>::from_iter(&sections).len(), sections.len(), "sections are whole");
    assert_eq!(SETTINGS[0].section, "", "the top comes first");
    for setting in SETTINGS {
        let mut config = Config::default();
        if let Some((unit, number)) = setting.number(&config) {
            let text = unit.format(number);
            let set = setting.set(&mut config, &Value::Plain(&text), Path::new(""));
            assert!(set.is_ok(), "the default of {} is in its range", setting.path());
        }
        if let Slot::Number { unit, range, .. } = &setting.slot {
            let highest = unit.format(*range.end());
            assert!(setting.set(&mut config, &Value::Plain(&highest), Path::new("")).is_ok());
        }
        assert!(setting.absent.is_some() || setting.shown(&config).is_some());
    }
}
