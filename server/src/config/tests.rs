//! What an operator may say, what it becomes, and what is answered to the rest.

mod file;
mod environment;
mod address;
mod engine;
mod room;
mod secret;
mod show;
mod reference;
mod unit;

use std::{io, path::Path};

use expect_test::Expect;

use super::{Effective, File, Flags, Layers};

/// A secret that is long enough.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The descriptors that there are, and how many of them may be sessions.
const DESCRIPTORS: usize = 4608;
const SESSIONS: usize = 4096;

/// What an operator says; empty is silent.
struct Said<'a> {
    descriptors: Option<usize>,
    file: &'a str,
    environment: &'a [(&'a str, &'a str)],
    flags: Flags,
}

impl Default for Said<'_> {
    fn default() -> Self {
        let descriptors = Some(DESCRIPTORS);
        Self { descriptors, file: "", environment: &[], flags: Flags::default() }
    }
}

/// The files of secrets that there are.
fn read(path: &Path) -> io::Result<String> {
    match path.to_str() {
        Some("/etc/usher/key") => Ok(format!("{SECRET}\n")),
        Some("conf/near") => Ok(format!("{SECRET}-near\r\n")),
        Some("conf/engine.url") => Ok("redis://:s3cret@a\n".to_owned()),
        Some("two") => Ok(format!("{SECRET}\n{SECRET}\n")),
        Some("empty") => Ok("\n".to_owned()),
        _ => Err(io::Error::other("no such file")),
    }
}

/// The configuration, or all that is wrong, a line each.
fn resolve(said: Said<'_>) -> Result<Effective, String> {
    let environment: Vec<(String, String)> =
        said.environment.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())).collect();
    let layers = Layers {
        host_name: Some("host"),
        descriptors: said.descriptors,
        file: Some(File { name: "conf/usher.toml", text: said.file }),
        environment: &environment,
        flags: said.flags,
    };
    assert!(!format!("{layers:?}").contains("012345"), "secrets are not in Debug");
    layers.resolve(&read).map_err(|wrong| wrong.iter().map(|w| format!("{w}\n")).collect())
}

/// Checks what is wrong with a file.
#[track_caller]
fn check_file(file: &str, expected: Expect) {
    check(Said { file, ..Said::default() }, expected);
}

/// Checks what is wrong with variables.
#[track_caller]
fn check_environment(environment: &[(&str, &str)], expected: Expect) {
    check(Said { environment, ..Said::default() }, expected);
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "expectations are written in place")]
fn check(said: Said<'_>, expected: Expect) {
    let wrong = resolve(said).err().unwrap_or_default();
    assert!(!wrong.contains("012345"), "secrets are not in errors");
    expected.assert_eq(&wrong);
}
