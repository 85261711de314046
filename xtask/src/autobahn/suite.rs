//! Suite: the Autobahn programs, installed and run.
//!
//! Two steps lead to it: a virtualenv old enough to serve Python 2.7, made by our Python 3, and
//! the suite in an environment that it makes. Both stay in a folder of the workspace. The suite's
//! exit status says nothing and its report is written only at the end, so an old report is removed
//! first and a missing one is an error.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Group, python2, verdict::Case};
use crate::{
    clock, program,
    tools::{self, venv::Venv},
};

/// The last virtualenv that makes environments of Python 2.7 is of the 20.21 line.
const VIRTUALENV: &str = "virtualenv<20.22\n";

const AUTOBAHN: &str = "autobahntestsuite==25.10.1\n";

/// How the report calls us.
const AGENT: &str = "usher";

/// Prints a report as lines of four columns; JSON is read by those who have a reader for it.
const READ_REPORT: &str = "
import json, sys
for name, case in json.load(open(sys.argv[1]))[sys.argv[2]].items():
    print(name, case['behavior'], case['behaviorClose'], case['remoteCloseCode'], sep='\\t')
";

/// The suite, ready to run.
#[derive(Debug)]
pub(super) struct Suite {
    folder: PathBuf,
    python3: PathBuf,
    wstest: PathBuf,
}

impl Suite {
    /// Finds the suite in a folder, or installs it there.
    pub(super) fn ensure(folder: &Path) -> Result<Self, String> {
        let python2 = python2::find()?;
        let making = folder.join("virtualenv");
        let suite = folder.join("suite");
        let python3 =
            Venv { folder: &making, requirements: VIRTUALENV, probe: "import virtualenv" }
                .ensure(tools::python()?)?;
        Venv { folder: &suite, requirements: AUTOBAHN, probe: "import autobahntestsuite" }
            .ensure_with(
                Command::new(&python3).args(["-m", "virtualenv", "--quiet", "-p"]).arg(python2),
            )?;
        let wstest = suite.join("bin/wstest");
        Ok(Self { folder: folder.to_owned(), python3, wstest })
    }

    /// Runs one group against an endpoint; what it found.
    pub(super) fn run(&self, group: &Group, url: &str) -> Result<Vec<Case>, String> {
        let told = |e: std::io::Error| format!("{}: {e}", self.folder.display());
        let reports = self.folder.join("reports").join(group.name);
        if reports.exists() {
            fs::remove_dir_all(&reports).map_err(told)?;
        }
        let spec = self.folder.join(format!("{}.json", group.name));
        let log = self.folder.join(format!("{}.log", group.name));
        fs::write(&spec, specification(group, url)).map_err(told)?;
        let output = File::create(&log).map_err(told)?;
        let mut process = Command::new(&self.wstest)
            .args(["-m", "fuzzingclient", "-s"])
            .arg(&spec)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(output.try_clone().map_err(told)?)
            .stdout(output)
            .spawn()
            .map_err(|e| format!("{}: {e}", self.wstest.display()))?;
        if clock::wait_for(group.patience, || process.try_wait().ok().flatten()).is_none() {
            process.kill().and_then(|()| process.wait()).map_err(told)?;
            let seconds = group.patience.as_secs();
            return Err(format!("no end of {} cases after {seconds} s", group.name));
        }
        let index = reports.join("index.json");
        let mut read = Command::new(&self.python3);
        program::says(read.args(["-c", READ_REPORT]).arg(index).arg(AGENT))
            .and_then(|rows| rows.lines().map(Case::parse).collect())
            .ok_or_else(|| format!("no report of {} cases; see {}", group.name, log.display()))
    }
}

fn specification(group: &Group, url: &str) -> String {
    let Group { name, cases, excluded, .. } = group;
    format!(
        r#"{{"outdir": "reports/{name}", "servers": [{{"agent": "{AGENT}", "url": "{url}"}}],
"cases": {cases}, "exclude-cases": {excluded}, "exclude-agent-cases": {{}}}}"#
    )
}
