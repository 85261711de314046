//! Serving: what `usher serve` does with what it is told and with what it is given.

use std::{net::TcpStream, path::PathBuf};

use serde_json::json;

use crate::{
    program::{Ended, run, usher},
    served::{KEY, Served, serve},
};

/// Enough for a few sessions and all else.
const SOME: usize = 1024;

/// A file with this in it, for as long as the test runs.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("usher-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("it can be written");
        Self(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// The exit code is that of wrong configuration, and one line says why.
fn check(ended: &Ended, why: &str) {
    assert_eq!((ended.code, ended.out.lines().count()), (Some(2), 1), "{ended:?}");
    assert!(ended.out.starts_with("usher: ") && ended.out.contains(why), "{ended:?}");
}

#[test]
fn it_says_where_it_listens_and_for_what() {
    let mut one = Served::start(&mut serve(SOME, ""));
    assert_eq!(one.address, one.api);
    assert_eq!(one.ask(&["health"]).out, "ready\n");
    one.program.terminate();
    one.program.line_with("told to go away by=a signal");
    one.program.line_with("stopped");

    let mut api = serve(SOME, "");
    let two = Served::start(api.env("USHER_API__LISTEN", "127.0.0.1:0"));
    assert_ne!(two.address, two.api);
    let mut alice = two.join("alice");
    assert_eq!(two.ask(&["send", "alice", "hi"]).code, Some(0));
    assert_eq!(alice.frame()["data"], "hi");
    let public = format!("http://{}", two.address);
    let sent =
        run(usher(&["send", "alice", "hi"]).env("USHER_URL", public).env("USHER_KEY", KEY), "");
    assert_eq!(sent.code, Some(3), "{sent:?}");
}

#[test]
fn a_session_at_the_address_of_the_api_is_told_what_is_missing() {
    let mut api = serve(SOME, "");
    let node = Served::start(api.env("USHER_API__LISTEN", "127.0.0.1:0"));
    let ended = node.ask(&["connect", "alice"]);
    assert_eq!((ended.code, &*ended.out), (Some(3), ""), "{ended:?}");
    assert!(ended.err.contains(&node.api) && ended.err.contains("set public_url"), "{ended:?}");
}

#[test]
fn a2_a_key_for_reading_comes_from_the_file() {
    let file = Written::new(
        "keys.toml",
        &format!("[[api.keys]]\nname = \"watch\"\nkey = \"{KEY}-read\"\nscope = \"read\"\n"),
    );
    let node = Served::start(&mut serve(SOME, &format!("--config {}", file.path())));
    let key = format!("{KEY}-read");
    assert_eq!(node.ask(&["sessions", "--key", &key]).code, Some(0));
    let refused = node.ask(&["send", "alice", "hi", "--key", &key]);
    assert_eq!((refused.code, refused.err.lines().count()), (Some(4), 1));
    assert!(refused.err.contains("read-only-key") && !refused.err.contains(KEY), "{refused:?}");
    assert_eq!(node.ask(&["send", "alice", "hi"]).code, Some(0));
}

#[test]
fn commands_take_the_key_from_the_variable_that_the_node_takes_it_from() {
    let [file, other] = [("node.key", KEY), ("other.key", "the-key-of-some-other-server")]
        .map(|(name, key)| Written::new(name, &format!("{key}\n")));
    let node = Served::start(&mut serve(SOME, ""));
    let ask = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = usher(&[&["sessions"], arguments].concat());
        command.env("USHER_URL", format!("http://{}", node.api)).envs(variables.iter().copied());
        run(&mut command, "").code
    };
    let (file, other) = (&*file.path(), &*other.path());
    assert_eq!(ask(&[("USHER_KEY_FILE", file)], &[]), Some(0));
    assert_eq!(ask(&[("USHER_KEY_FILE", other)], &[]), Some(4));
    for flag in [["--key-file", file], ["--key", KEY]] {
        assert_eq!(ask(&[("USHER_KEY_FILE", other)], &flag), Some(0), "flags win");
    }
    assert_eq!(ask(&[("USHER_KEY_FILE", "/nowhere/usher.key")], &[]), Some(2));
}

#[test]
fn a_configuration_without_a_key_is_refused_by_whoever_looks_at_it() {
    let file = Written::new("no-key.toml", "shards = 1\n");
    let key = Written::new("check.key", KEY);
    for command in [&["serve"][..], &["config", "check"]] {
        let ended = run(usher(command).args(["--config", &file.path()]), "");
        assert_eq!((ended.code, &*ended.out), (Some(2), ""), "{ended:?}");
        assert!(ended.err.starts_with("usher: usher serve needs an API key"), "{ended:?}");
    }
    let check = ["config", "check", "--config", &file.path(), "--key-file", &key.path()];
    let fine = run(&mut usher(&check), "");
    assert_eq!((fine.code, &*fine.out), (Some(0), ""), "{fine:?}");
    assert!(fine.err.ends_with("the configuration is fine\n"), "{fine:?}");
}

#[test]
fn c7_more_sessions_than_descriptors_do_not_start() {
    let mut command = serve(600, "");
    let ended = run(command.env("USHER_LIMITS__SESSIONS", "89"), "");
    check(&ended, "limits.sessions (89) must be at most 88: the process may have 600 descriptors");
    let mut command = serve(600, "");
    let node = Served::start(command.env("USHER_LIMITS__SESSIONS", "88"));
    assert_eq!(node.ask(&["health"]).code, Some(0));
}

#[test]
fn h17_as_many_sessions_as_there_are_descriptors_for_and_no_more() {
    let node = Served::start(&mut serve(514, ""));
    let mut sessions = [node.join("alice"), node.join("bob")];
    let ticket = node.ask(&["ticket", "carol", "--url"]).out.replace("ws://", "http://");
    let refused = run(
        &mut crate::program::shell(&format!(
            "curl -s -i -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
         -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' '{}'",
            ticket.trim()
        )),
        "",
    );
    assert!(refused.out.starts_with("HTTP/1.1 503 "), "{refused:?}");
    assert!(refused.out.contains("retry-after: ") && refused.out.contains("overloaded"));
    for session in &mut sessions {
        session.send(&json!({"type": "ping"}));
        assert_eq!(session.frame()["type"], "pong");
    }
}

#[test]
fn it_survives_that_descriptors_run_out() {
    let mut node = Served::start(&mut serve(100, ""));
    let mut session = node.join("alice");
    let mut sockets = Vec::new();
    for _ in 0..150 {
        sockets.push(TcpStream::connect(&node.address).expect("the system takes it"));
    }
    node.program.line_with("sockets cannot be accepted");
    // Who is there already is served.
    session.send(&json!({"type": "ping"}));
    assert_eq!(session.frame()["type"], "pong");
    drop(sockets);
    assert_eq!(node.ask(&["health"]).out, "ready\n");
    node.program.line_with("sockets are accepted again");
    session.send(&json!({"type": "ping"}));
    assert_eq!(session.frame()["type"], "pong");
    assert_eq!(node.ask(&["send", "alice", "hi"]).code, Some(0));
}

#[test]
fn c12_an_engine_that_is_not_there_is_told_without_its_password() {
    let check = |url: &str, code: i32, why: &str| {
        for line in [format!("--engine {url}"), String::new()] {
            let mut command = serve(SOME, &line);
            if line.is_empty() {
                command.env("USHER_ENGINE__URL", url);
            }
            let ended = run(&mut command, "");
            assert_eq!((ended.code, ended.out.lines().count()), (Some(code), 1), "{ended:?}");
            assert!(ended.out.starts_with("usher: ") && ended.out.contains(why), "{ended:?}");
            assert!(!ended.out.contains("a-password"), "{ended:?}");
        }
        let dev = run(&mut usher(&["dev", "--engine", url]), "");
        assert_eq!((dev.code, dev.err.lines().count()), (Some(code), 1), "{dev:?}");
    };
    for scheme in ["redis", "rediss", "redis+cluster"] {
        check(&format!("{scheme}://:a-password@127.0.0.1:1"), 1, "does not answer");
    }
    check("redis+sentinel://:a-password@127.0.0.1:1", 2, "must end with ");
    let node = Served::start(&mut serve(SOME, "--engine memory:"));
    assert_eq!(node.ask(&["health"]).code, Some(0));
}
