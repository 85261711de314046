//! Tools: the programs of others that the tests need.
//!
//! A test that finds a program missing can only fail or skip, and either is found out late. So the
//! programs are looked for before the first stage. As root (a container) they are installed, with
//! `--install` through sudo; anywhere else nothing is changed without being asked, and the line to
//! type is printed instead. What is needed, how it is looked for and what systems call it is data.
//!
//! Python packages are no matter of the system: they go, with their exact versions, into a folder
//! of the workspace (`venv`), always.

pub(crate) mod venv;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use self::venv::Venv;
use crate::program;

/// A program and how to get it.
struct Tool {
    name: &'static str,
    why: &'static str,
    /// Commands of which one must end well.
    probes: &'static [&'static [&'static str]],
    packages: Packages,
}

/// What systems call a tool; several packages with spaces between.
struct Packages {
    debian: &'static str,
    fedora: &'static str,
    alpine: &'static str,
    homebrew: &'static str,
}

/// Ends well in a Python that can make a venv and is new enough for `requirements.txt`.
const PYTHON_PROBE: &str = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))";

/// The first of these that is there and new enough is the one that is used.
const PYTHONS: &[&[&str]] = &[
    &["python3", "-c", PYTHON_PROBE],
    &["python3.14", "-c", PYTHON_PROBE],
    &["python3.13", "-c", PYTHON_PROBE],
    &["python3.12", "-c", PYTHON_PROBE],
    &["python3.11", "-c", PYTHON_PROBE],
];

const TOOLS: &[Tool] = &[
    Tool {
        name: "Python 3.11 or later, with venv",
        why: "tests drive a node with a WebSocket library that is not ours",
        probes: PYTHONS,
        packages: Packages {
            debian: "python3 python3-venv",
            fedora: "python3",
            alpine: "python3",
            homebrew: "python3",
        },
    },
    Tool {
        name: "curl",
        why: "a test walks through the README, which uses it",
        probes: &[&["curl", "--version"]],
        packages: Packages { debian: "curl", fedora: "curl", alpine: "curl", homebrew: "curl" },
    },
    Tool {
        name: "redis-server",
        why: "the engine for many nodes is tested on a real one",
        probes: &[&["redis-server", "--version"]],
        packages: Packages {
            debian: "redis-server",
            fedora: "redis",
            alpine: "redis",
            homebrew: "redis",
        },
    },
    Tool {
        name: "a C compiler",
        why: "TLS is built with it",
        probes: &[&["cc", "--version"]],
        packages: Packages {
            debian: "gcc libc6-dev",
            fedora: "gcc",
            alpine: "gcc musl-dev",
            homebrew: "gcc",
        },
    },
];

/// What fuzzers are built with, besides.
const FUZZER_TOOLS: &[Tool] = &[Tool {
    name: "a C++ compiler",
    why: "libFuzzer is built with it",
    probes: &[&["c++", "--version"]],
    packages: Packages { debian: "g++", fedora: "gcc-c++", alpine: "g++", homebrew: "gcc" },
}];

/// The parts of the Rust tool chain that stages use, and how each is looked for.
const COMPONENTS: [(&str, &[&str]); 2] =
    [("rustfmt", &["fmt", "--version"]), ("clippy", &["clippy", "--version"])];

/// Whether the system may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Asked for: also through sudo.
    Given,
    /// Only by one who is root already.
    RootOnly,
}

/// Who this process is to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Root,
    Plain,
}

/// What installs packages on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installer {
    Apt,
    Dnf,
    Apk,
    Brew,
}

/// Makes sure of all that tests need. An error says what to do by hand.
pub(crate) fn ensure(consent: Consent) -> Result<(), String> {
    ensure_components()?;
    ensure_tools(TOOLS, consent)
}

/// Makes sure of all that fuzzers need.
pub(crate) fn ensure_fuzzer(consent: Consent) -> Result<(), String> {
    ensure_tools(FUZZER_TOOLS, consent)?;
    if program::works(program::cargo().args(["fuzz", "--version"])) {
        return Ok(());
    }
    println!("missing: cargo-fuzz (it builds and runs fuzzers)");
    let install = ["install", "--locked", "cargo-fuzz"];
    match consent {
        Consent::Given => program::show(program::cargo().args(install)),
        // It belongs to the user and not to the system, so root is no consent.
        Consent::RootOnly => {
            Err(format!("type this, or call again with --install:\ncargo {}", install.join(" ")))
        }
    }
}

fn ensure_tools(tools: &[Tool], consent: Consent) -> Result<(), String> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !is_there(tool)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        println!("missing: {} ({})", tool.name, tool.why);
    }
    let Some(installer) = Installer::ALL.into_iter().find(|one| one.is_there()) else {
        return Err("install what is missing; this system has none of apt, dnf, apk, brew".into());
    };
    let user = user();
    let commands = installer.commands(&missing, user);
    if user == User::Plain && consent == Consent::RootOnly {
        return Err(format!("type this, or call again with --install:\n{}", line(&commands)));
    }
    for command in &commands {
        program::show(&mut program::of(command))?;
    }
    match missing.iter().find(|tool| !is_there(tool)) {
        Some(tool) => Err(format!("{} is still missing; install it by hand", tool.name)),
        None => Ok(()),
    }
}

/// The Python that tests use, its packages as `xtask/requirements.txt` has them.
pub(crate) fn test_python(root: &Path) -> Result<PathBuf, String> {
    let path = root.join("xtask/requirements.txt");
    let requirements =
        std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let probe = "import schemathesis, websockets.asyncio.client, websockets.sync.client";
    Venv { folder: &root.join(".xtask/venv"), requirements: &requirements, probe }.ensure(python()?)
}

/// The name of a Python 3 that can make a venv.
pub(crate) fn python() -> Result<&'static str, String> {
    let found = PYTHONS.iter().find(|probe| program::works(&mut program::of(probe)));
    found.map(|probe| probe[0]).ok_or_else(|| "no Python 3.11 or later with venv".to_owned())
}

impl Installer {
    const ALL: [Self; 4] = [Self::Apt, Self::Dnf, Self::Apk, Self::Brew];

    fn is_there(self) -> bool {
        let name = match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Brew => "brew",
        };
        program::works(Command::new(name).arg("--version"))
    }

    /// What to run, in order, to get the tools.
    fn commands(self, tools: &[&Tool], user: User) -> Vec<Vec<&'static str>> {
        // Without a terminal apt still asks, unless told; sudo drops the environment, env keeps it.
        let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let begins: Vec<Vec<&str>> = match self {
            Self::Apt => vec![
                [&apt[..], &["update"]].concat(),
                [&apt[..], &["install", "-y", "--no-install-recommends"]].concat(),
            ],
            Self::Dnf => vec![vec!["dnf", "install", "-y"]],
            Self::Apk => vec![vec!["apk", "add", "--no-cache"]],
            Self::Brew => vec![vec!["brew", "install"]],
        };
        let sudo = match (self, user) {
            // Homebrew refuses to run as root.
            (Self::Brew, _) | (_, User::Root) => None,
            (Self::Apt | Self::Dnf | Self::Apk, User::Plain) => Some("sudo"),
        };
        let mut commands: Vec<Vec<&str>> =
            begins.into_iter().map(|words| sudo.into_iter().chain(words).collect()).collect();
        if let Some(last) = commands.last_mut() {
            last.extend(tools.iter().flat_map(|tool| self.packages(tool).split(' ')));
        }
        commands
    }

    fn packages(self, tool: &Tool) -> &'static str {
        match self {
            Self::Apt => tool.packages.debian,
            Self::Dnf => tool.packages.fedora,
            Self::Apk => tool.packages.alpine,
            Self::Brew => tool.packages.homebrew,
        }
    }
}

fn ensure_components() -> Result<(), String> {
    let works = |arguments: &[&str]| program::works(program::cargo().args(arguments));
    let missing: Vec<&str> = COMPONENTS
        .iter()
        .filter(|(_, probe)| !works(probe))
        .map(|(component, _)| *component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !program::works(Command::new("rustup").arg("--version")) {
        let missing = missing.join(" and ");
        return Err(format!("{missing}: missing; install them as Rust itself was installed"));
    }
    program::show(Command::new("rustup").args(["component", "add"]).args(missing))
}

fn is_there(tool: &Tool) -> bool {
    tool.probes.iter().any(|probe| program::works(&mut program::of(probe)))
}

fn user() -> User {
    match program::says(Command::new("id").arg("-u")).as_deref() {
        Some("0") => User::Root,
        _ => User::Plain,
    }
}

/// The commands as one line to type.
fn line(commands: &[Vec<&str>]) -> String {
    commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests;
