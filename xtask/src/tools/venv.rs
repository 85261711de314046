//! Venv: a folder with a Python of its own and packages of exact versions.
//!
//! It is made once and found again: a copy of the requirements is written into it last, so a
//! folder whose making broke off has none and is made anew. The Python in it is a link to the
//! system's, which may be gone after an upgrade; so it is also asked whether it still works.
//!
//! Not here: what the packages are for.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::program;

/// The file that says that the folder is whole, and what is in it.
const STAMP: &str = "whole";

/// A folder and what must be in it.
#[derive(Debug)]
pub(crate) struct Venv<'a> {
    /// Where it is, or will be.
    pub(crate) folder: &'a Path,
    /// The packages, in the form of a `requirements.txt`.
    pub(crate) requirements: &'a str,
    /// Python that ends well only if the packages are there.
    pub(crate) probe: &'a str,
}

impl Venv<'_> {
    /// The path of its Python; made before, where it is not there or broken.
    pub(crate) fn ensure(&self, python: &str) -> Result<PathBuf, String> {
        self.ensure_with(Command::new(python).args(["-m", "venv"]))
    }

    /// The same, made by a command to which the folder is added.
    pub(crate) fn ensure_with(&self, maker: &mut Command) -> Result<PathBuf, String> {
        let inner = self.folder.join("bin/python");
        if self.is_whole() {
            return Ok(inner);
        }
        let told = |e: std::io::Error| format!("{}: {e}", self.folder.display());
        if self.folder.exists() {
            fs::remove_dir_all(self.folder).map_err(told)?;
        }
        program::show(maker.arg(self.folder))?;
        let requirements = self.folder.join("requirements.txt");
        fs::write(&requirements, self.requirements).map_err(told)?;
        program::show(
            Command::new(&inner)
                .args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r"])
                .arg(&requirements),
        )?;
        fs::write(self.folder.join(STAMP), self.requirements).map_err(told)?;
        if !self.is_whole() {
            return Err(format!("{} was made, but does not work", self.folder.display()));
        }
        Ok(inner)
    }

    fn is_whole(&self) -> bool {
        let stamp = fs::read_to_string(self.folder.join(STAMP));
        let works = || {
            let python = self.folder.join("bin/python");
            program::works(Command::new(python).args(["-c", self.probe]))
        };
        stamp.is_ok_and(|stamp| stamp == self.requirements) && works()
    }
}
