//! Python 2: the language that the suite is written in.
//!
//! The suite never moved to Python 3. Python 2.7 is gone from most systems; pyenv still builds it.
//! A pyenv shim on the search path fails unless 2.7 is the chosen version, so every candidate is
//! asked, and the shims' originals are tried as well.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::program;

/// The last release of Python 2.
const VERSION: &str = "2.7.18";

/// Ends well in Python 2.7 only.
const PROBE: &str = "import sys; sys.exit(sys.version_info[:2] != (2, 7))";

/// A Python 2.7 that runs, or how to get one.
pub(super) fn find() -> Result<PathBuf, String> {
    let works = |python: &PathBuf| program::works(Command::new(python).args(["-c", PROBE]));
    candidates().into_iter().find(works).ok_or_else(|| {
        format!(
            "the Autobahn suite needs Python 2.7, and none was found.\n\
             With pyenv (a builder of Python versions): pyenv install {VERSION}"
        )
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("python2.7")];
    let prefix = program::says(Command::new("pyenv").args(["prefix", VERSION]));
    found.extend(prefix.map(|prefix| Path::new(&prefix).join("bin/python")));
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    let folders = versions.into_iter().flatten().filter_map(Result::ok);
    let is_2_7 = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("2.7");
    found.extend(folders.filter(is_2_7).map(|entry| entry.path().join("bin/python")));
    found
}
