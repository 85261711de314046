//! What people read: the effective configuration, the file of defaults, the reference.

use std::{collections::HashSet, path::Path};

use expect_test::{expect, expect_file};

use super::{
    super::{
        Config, Flags, Limits, defaults,
        setting::{Slot, Value},
        settings::{SETTINGS, sections},
        show,
    },
    SESSIONS, Said, resolve,
};

#[test]
fn each_value_is_shown_with_where_it_comes_from() {
    let said = Said {
        file: "shards = 2\nallowed_origins = [\"https://a.example\"]\n[drain]\nwindow = \"90s\"\n",
        environment: &[("USHER_SESSION__PING", "30s"), ("USHER_KEY_FILE", "/etc/usher/key")],
        flags: Flags { listen: vec!["127.0.0.1:7000".to_owned()], ..Flags::default() },
        ..Said::default()
    };
    expect![[r#"
        listen = "127.0.0.1:7000"                # --listen
        # public_url = (not set)                 # default
        allowed_origins = ["https://a.example"]  # conf/usher.toml:2
        trusted_proxies = []                     # default
        shards = 2                               # conf/usher.toml:1

        [node]
        name = "host"                            # host name
        # public_url = (not set)                 # default

        [api]
        listen = []                              # default

        [engine]
        url = "memory:"                          # default
        # url_file = (not set)                   # default
        # ca_file = (not set)                    # default
        prefix = "usher:"                        # default
        lease = "5s"                             # default

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
        sessions = 4096                          # ulimit -n
        sessions_per_user = 128                  # default
        head_bytes = "16KiB"                     # default
        head_wait = "5s"                         # default
        data_bytes = "64KiB"                     # default
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
        users_per_call = 1000                    # default
        mailbox_envelopes = 8192                 # default
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
fn the_defaults_are_a_file_of_comments() {
    expect_file!["defaults.toml"].assert_eq(&defaults());
}

#[test]
fn the_file_of_defaults_changes_nothing() {
    let plain = resolve(Said { file: &defaults(), ..Said::default() }).unwrap();
    let limits = Limits { sessions: SESSIONS, ..Limits::default() };
    let expected = Config { node: "host".to_owned(), limits, ..Config::default() };
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
        conf/usher.toml:169: cannot read conf/backend.key: no such file
    "#]]
    .assert_eq(&wrong);
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
