//! Autobahn: is our WebSocket the one of RFC 6455?
//!
//! The Autobahn test suite knows some 300 ways to get framing wrong, and most servers fail a few.
//! It speaks to an endpoint that sends back what it gets; ours is built only with the feature
//! `echo` and runs with raised limits, because some cases send more than a node should accept. A
//! release build is judged, as it is what people run.
//!
//! Compression (cases 12 and 13) is not judged, as it is not offered. Not part of `test`: the
//! suite needs Python 2.7, which few machines have.

mod suite;
mod verdict;
mod node;
mod python2;

use std::{path::Path, str::FromStr, time::Duration};

use self::{node::Node, suite::Suite};
use crate::{
    program,
    tools::{self, Consent},
};

/// Which cases to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cases {
    /// Framing, pings, fragments, UTF-8, closing.
    Core,
    /// Large messages and many fragments.
    Limits,
    /// Both, one after the other: the suite writes its report only at the end.
    All,
}

/// Cases that are run and judged together.
#[derive(Debug)]
struct Group {
    name: &'static str,
    /// Patterns, as the suite reads them.
    cases: &'static str,
    excluded: &'static str,
    /// How many there are: a report that lacks some is no pass.
    count: usize,
    /// How long the suite may take, many times what it does take.
    patience: Duration,
}

const CORE: Group = Group {
    name: "core",
    cases: r#"["*"]"#,
    excluded: r#"["9.*", "12.*", "13.*"]"#,
    count: 247,
    patience: Duration::from_secs(300),
};

const LIMITS: Group = Group {
    name: "limits",
    cases: r#"["9.*"]"#,
    excluded: "[]",
    count: 54,
    patience: Duration::from_secs(600),
};

impl Cases {
    fn groups(self) -> &'static [Group] {
        match self {
            Self::Core => &[CORE],
            Self::Limits => &[LIMITS],
            Self::All => &[CORE, LIMITS],
        }
    }
}

impl FromStr for Cases {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "core" => Ok(Self::Core),
            "limits" => Ok(Self::Limits),
            "all" => Ok(Self::All),
            _ => Err(format!("no cases {name}; there are core, limits, all")),
        }
    }
}

/// Builds, runs and judges; whether every case went as the RFC has it.
pub(crate) fn run(root: &Path, cases: Cases) -> Result<bool, String> {
    tools::ensure(Consent::RootOnly)?;
    let folder = root.join(".xtask/autobahn");
    let suite = Suite::ensure(&folder)?;
    let build = "build --release --locked --package usher-server --features echo";
    program::show(program::cargo().current_dir(root).args(build.split(' ')))?;
    let node = Node::start(root, &folder)?;
    let mut verdicts = Vec::new();
    for group in cases.groups() {
        println!("running {} {} cases", group.count, group.name);
        let results = suite.run(group, node.echo_url())?;
        verdicts.push(verdict::judge(group.name, group.count, &results));
    }
    println!("\n{}", verdict::table(&verdicts));
    Ok(verdicts.iter().all(verdict::Verdict::is_pass))
}
