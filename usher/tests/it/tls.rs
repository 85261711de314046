//! TLS: `usher serve` with a certificate, and peers that are not ours: curl, and Python's `ssl`.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::Value;

use crate::{
    page::blocks,
    program::{Ended, Program, USHER, run, shell, usher},
    session::Session,
};

const PAGE: &str = include_str!("../../../docs/tls.md");

/// The files that the page names.
const CERT: &str = "fullchain.pem";
const KEY: &str = "privkey.pem";

/// A folder with the configuration that the page shows, and what it names.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Self(env::temp_dir().join(format!("usher-tls-{}-{number}", process::id())));
        fs::create_dir(&folder.0).expect("it is not there yet");
        folder.write("usher.key", "a-key-for-tests-and-nothing-else");
        let config = shown("toml").replace("0.0.0.0:443", "127.0.0.1:0")
            + "\n[drain]\nwindow = \"0s\"\ndelay = \"0s\"\n\
               [[api.keys]]\nname = \"test\"\nkey_file = \"usher.key\"\n";
        folder.write("usher.toml", &config);
        folder.renew();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        self.allow(name, 0o600);
    }

    fn allow(&self, name: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(name), mode).expect("it is ours");
    }

    /// Another certificate and its key.
    fn renew(&self) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("names are names");
        self.write(CERT, &made.cert.pem());
        self.write(KEY, &made.signing_key.serialize_pem());
    }

    /// Starts a node; what it logs are its lines.
    fn serve(&self) -> (Program, String) {
        let config = self.path("usher.toml");
        let mut node = Program::start(&mut shell(&format!(
            "'{USHER}' serve --config '{}' 2>&1",
            config.display()
        )));
        let listening = node.line_with("listening with TLS");
        let (_, port) = listening.rsplit_once("127.0.0.1:").expect("it says where");
        (node, port.trim().to_owned())
    }

    /// Runs a command with this configuration.
    fn usher(&self, arguments: &[&str]) -> Ended {
        run(usher(arguments).arg("--config").arg(self.path("usher.toml")), "")
    }

    fn curl(&self, port: &str, arguments: &[&str], path: &str) -> Ended {
        let url = format!("https://localhost:{port}{path}");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--cacert"]).arg(self.path(CERT)).args(arguments);
        run(curl.arg(url), "")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The block of this language on the page.
fn shown(language: &str) -> &'static str {
    let found = blocks(PAGE).find(|(name, _)| *name == language);
    found.expect("the page shows one").1
}

/// The words of a file that is secret.
fn secret(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("it is there");
    text.lines().nth(1).expect("it has lines")[..16].to_owned()
}

#[test]
fn calls_and_sessions_of_others_work_within_tls() {
    let folder = Folder::new();
    let (node, port) = folder.serve();
    let live = folder.curl(&port, &["-w", " %{http_code} %{http_version}"], "/livez");
    assert_eq!(live.out, "live\n 200 1.1\n", "{live:?}");
    for version in ["1.2", "1.3"] {
        let ready = folder.curl(&port, &["--tls-max", version], "/readyz");
        assert_eq!(ready.out, "ready\n", "{ready:?}");
    }
    // Who forgets the `s`.
    let url = format!("http://localhost:{port}/livez");
    let refused = run(Command::new("curl").args(["-sS", &url]), "");
    let parse = |text: &str| -> Value { serde_json::from_str(text).expect("it is JSON") };
    let (mut said, mut on_page) = (parse(&refused.out), parse(shown("json")));
    for answer in [&mut said, &mut on_page] {
        answer["request_id"].take();
    }
    assert_eq!(said, on_page);

    let bearer = "Authorization: Bearer a-key-for-tests-and-nothing-else";
    let ask = |data: &str, path: &str| -> Value {
        let answer = folder.curl(&port, &["-H", bearer, "-d", data], path);
        serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{answer:?}: {error}"))
    };
    let ticket = ask(r#"{"user":"alice"}"#, "/v1/tickets");
    let ticket = format!("ticket.{}", ticket["ticket"].as_str().expect("it is a text"));
    let url = format!("wss://localhost:{port}/v1/connect");
    let (mut session, welcome) = Session::knowing(&folder.path(CERT), &url, &["usher.v1", &ticket]);
    assert_eq!(welcome["user"], "alice");
    for size in [0, 126, 60_000] {
        let data = "x".repeat(size);
        let sent = ask(&format!(r#"{{"data":"{data}"}}"#), "/v1/users/alice/messages");
        assert_eq!(sent["live"], 1);
        assert_eq!(session.frame()["data"], data);
    }
    node.terminate();
    session.frames_until(|frame| frame["type"] == "closed" && frame["code"] == 4000);
    assert_eq!(node.end().code, Some(0));
}

#[test]
fn c3_c11_c12_a_certificate_is_read_again_when_the_node_is_told() {
    let folder = Folder::new();
    let (mut node, port) = folder.serve();
    folder.renew();
    assert_eq!(folder.curl(&port, &[], "/livez").code, Some(60), "the old one is shown");
    node.hang_up();
    node.line_with("was read again");
    assert_eq!(folder.curl(&port, &[], "/livez").out, "live\n");
    let whole = fs::read_to_string(folder.path(CERT)).expect("it is there");
    for (name, broken, told) in
        [(KEY, "", "there is no private key in"), (CERT, &*whole, "is not that of the certificate")]
    {
        if name == CERT {
            folder.renew();
        }
        folder.write(name, broken);
        node.hang_up();
        let line = node.line_with("stays as it was");
        assert!(line.contains("ERROR") && line.contains(told), "{line}");
        assert!(!line.contains(&secret(&folder.path(CERT))), "{line}");
    }
    assert_eq!(folder.curl(&port, &[], "/livez").out, "live\n", "what was good is shown on");
    node.terminate();
    assert_eq!(node.end().code, Some(0));
}

#[test]
fn c3_c12_what_is_wrong_with_a_certificate_is_told_before_anything_starts() {
    let folder = Folder::new();
    folder.allow(CERT, 0o644);
    let fine = folder.usher(&["config", "check"]);
    assert_eq!((fine.code, &*fine.err), (Some(0), "the configuration is fine\n"));
    folder.allow(KEY, 0o644);
    let fine = folder.usher(&["config", "check"]);
    assert_eq!(fine.code, Some(0));
    assert!(fine.err.contains("privkey.pem can be read by everybody here"), "{}", fine.err);

    let key = fs::read_to_string(folder.path(KEY)).expect("it is there");
    folder.renew();
    folder.write(KEY, &key);
    for command in [&["serve"][..], &["config", "check"]] {
        let ended = folder.usher(command);
        assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
        let told = "usher.toml:6: the key in ";
        assert!(ended.err.contains(told) && ended.err.contains(KEY), "{}", ended.err);
        assert!(!ended.err.contains(&secret(&folder.path(KEY))), "{}", ended.err);
    }
    fs::remove_file(folder.path(CERT)).expect("it is there");
    let ended = folder.usher(&["serve"]);
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
    assert!(ended.err.contains("usher.toml:5: cannot read "), "{}", ended.err);
}

#[test]
fn commands_speak_tls_with_a_server_whose_authority_they_are_given() {
    let folder = Folder::new();
    let config = fs::read_to_string(folder.path("usher.toml")).expect("it is there");
    // Tickets name no other address than the one that the command was given.
    folder.write("usher.toml", &config.replace("public_url = \"wss://ws.example.com\"\n", ""));
    let (_node, port) = folder.serve();
    let command = |arguments: &[&str]| {
        let mut command = usher(arguments);
        command.args(["--server", &format!("https://localhost:{port}")]);
        command.arg("--key-file").arg(folder.path("usher.key"));
        command
    };
    let trusting = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.arg("--ca-file").arg(folder.path(CERT));
        command
    };

    let mut terminal = Program::start(&mut trusting(&["connect", "alice"]));
    assert!(terminal.line().starts_with(r#"{"type":"welcome""#));
    let sent = run(&mut trusting(&["send", "alice", "hi"]), "");
    assert!(sent.out.trim().ends_with(" to 1 session"), "{sent:?}");
    assert!(terminal.line().contains(r#""data":"hi""#));
    terminal.say("{\"type\":\"leave\"}\n");
    let ended = terminal.end();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""), "{ended:?}");

    for arguments in [&["connect", "alice"][..], &["send", "alice", "hi"]] {
        let ended = run(&mut command(arguments), "");
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert!(ended.err.contains("UnknownIssuer"), "{}", ended.err);
    }
}
