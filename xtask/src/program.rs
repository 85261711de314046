//! Program: other programs, run in one of three ways.
//!
//! `works` asks a question with its exit status, `says` with its output, `show` does a piece of
//! work in view of whoever waits for it. None of them is given input to read, so none can hang on
//! a question that nobody answers.
//!
//! Not here: programs that outlive a call (`autobahn` has the only one).

use std::{
    ffi::OsString,
    process::{Command, Stdio},
};

/// Cargo as it was called, so that the same tool chain does all the work.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Whether the program is there and ends well; prints nothing.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What the program writes, without the space around it, if it ends well.
pub(crate) fn says(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs the program in view, its command line first.
pub(crate) fn show(command: &mut Command) -> Result<(), String> {
    let line = line_of(command);
    println!("$ {line}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(why) => Err(format!("`{line}` did not start: {why}")),
    }
}

/// The same, and the code that it ended with.
pub(crate) fn code(command: &mut Command) -> Result<u8, String> {
    let line = line_of(command);
    println!("$ {line}");
    let ended = command.stdin(Stdio::null()).status();
    let ended = ended.map_err(|why| format!("`{line}` did not start: {why}"))?;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    code.ok_or_else(|| format!("`{line}` failed ({ended})"))
}

/// A command from words that are data.
pub(crate) fn of(words: &[impl AsRef<str>]) -> Command {
    let mut words = words.iter().map(AsRef::as_ref);
    let mut command = Command::new(words.next().expect("a command has a first word"));
    command.args(words);
    command
}

/// The command as one would type it, but for its folder and environment.
fn line_of(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or_else(|| command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
