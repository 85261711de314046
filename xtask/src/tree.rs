//! Tree: the files of the project, as git would keep them.
//!
//! Every check asks the same question, "which files are ours and what do they say", and none
//! should read a disk to be tested. So the files are read once into a value that a test can also
//! write down by hand. Tracked files count, and new ones that are not ignored: a fault should
//! show before the commit that brings it. Where there is no git, or it refuses because the folder
//! has another owner, the folder is walked instead.
//!
//! Not here: what files mean.

use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf, process::Command};

use crate::program;

/// Folders that a walk without git does not enter.
const NOT_OURS: [&str; 5] = [".git", ".xtask", "target", "node_modules", "__pycache__"];

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    /// Its length on disk.
    pub(crate) bytes: u64,
    /// What it says, where that is text.
    pub(crate) text: Option<String>,
}

/// All files, by their path from the root of the workspace, with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, File>,
}

impl Tree {
    /// The files under a folder that is the root of a workspace.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        for path in listed(root).map_or_else(|| walked(root), Ok).map_err(|e| e.to_string())? {
            match read(&root.join(&path)) {
                Ok(Some(file)) => drop(tree.files.insert(path, file)),
                Ok(None) => {}
                // Removed since it was listed, or removed but still in git's index.
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(format!("{path}: {why}")),
            }
        }
        Ok(tree)
    }

    /// Each text file and what it says, in the order of their paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, file)| Some((path.as_str(), file.text.as_deref()?)))
    }

    /// The text files whose names end so.
    pub(crate) fn texts_ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(end))
    }

    /// Each file, text or not.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// What a text file says.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    /// Whether there is a file or a folder of that path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(p, _)| p.starts_with(&folder))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Self {
        let file = |text: &str| File { bytes: text.len() as u64, text: Some(text.to_owned()) };
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), file(text)));
        Self { files: files.collect() }
    }
}

/// The root of the workspace: the folder above this crate's.
pub(crate) fn root() -> PathBuf {
    // Cargo says where the crate is now; where it was when compiled is second best.
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The folder that a path is in; empty for the root.
pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A relative path made whole, from a folder; `None` if it leaves the root.
pub(crate) fn joined(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// What git lists; `None` where git does not know the folder.
fn listed(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = program::says(Command::new("git").arg("-C").arg(root).args(arguments))?;
    let paths: Vec<String> =
        output.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walked(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if !entry.file_type()?.is_dir() {
                found.push(path);
            } else if !NOT_OURS.contains(&name.as_str()) {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

/// A file's content; `None` for what is no plain file (a link, a socket).
fn read(path: &Path) -> io::Result<Option<File>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let content = fs::read(path)?;
    let bytes = content.len() as u64;
    let text = String::from_utf8(content).ok().filter(|text| !text.contains('\0'));
    Ok(Some(File { bytes, text }))
}

#[cfg(test)]
mod tests;
