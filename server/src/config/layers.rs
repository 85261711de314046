//! Layers: a file, then the environment, then flags; each later one wins.

use std::{fmt, path::PathBuf};

use super::{
    Scope,
    draft::{Draft, Effective},
    environment,
    file::{self, File},
    invalid::{Invalid, Place},
    secret::{ReadFile, Secret},
    setting::Value,
    settings,
};

/// All that an operator said. Handed in: nothing here reads files, variables or names by itself.
#[derive(Default)]
pub struct Layers<'a> {
    /// The machine's name, a node's name by default.
    pub host_name: Option<&'a str>,
    /// The descriptors that the process may have, by which its sessions are bounded.
    pub descriptors: Option<usize>,
    /// The file, if there is one.
    pub file: Option<File<'a>>,
    /// All variables; those of others are ignored.
    pub environment: &'a [(String, String)],
    /// What the command line says.
    pub flags: Flags,
}

/// Flags of `usher serve` and `usher config`.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`, as often as it is given.
    pub listen: Vec<String>,
    /// `--public-url`
    pub public_url: Option<String>,
    /// `--node`
    pub node: Option<String>,
    /// `--engine`
    pub engine: Option<String>,
    /// `--log`
    pub log: Option<String>,
    /// `--key-file`, a further key.
    pub key_file: Option<PathBuf>,
}

impl Layers<'_> {
    /// The configuration that results. Secrets in files are read by `read`.
    ///
    /// # Errors
    /// All that is wrong, in the order of the layers, within the file by line.
    pub fn resolve(&self, read: ReadFile<'_>) -> Result<Effective, Vec<Invalid>> {
        let mut draft = Draft::new(read);
        if let Some(name) = self.host_name {
            draft.host_name(name);
        }
        if let Some(descriptors) = self.descriptors {
            draft.descriptors(descriptors);
        }
        if let Some(file) = self.file {
            file::read(file, &mut draft);
        }
        let variables = self.environment.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        environment::read(variables, &mut draft);
        self.flags.read(&mut draft);
        draft.finish()
    }
}

impl Flags {
    fn read(&self, draft: &mut Draft<'_>) {
        let texts = [
            ("--listen", ("", "listen"), (!self.listen.is_empty()).then(|| self.listen.join(","))),
            ("--public-url", ("", "public_url"), self.public_url.clone()),
            ("--node", ("node", "name"), self.node.clone()),
            ("--engine", ("engine", "url"), self.engine.clone()),
            ("--log", ("log", "format"), self.log.clone()),
        ];
        for (flag, (section, key), text) in texts {
            let Some(text) = text else { continue };
            let index = settings::find(section, key).expect("flags name settings");
            draft.set(index, &Value::Plain(&text), Place::Flag(flag), &[]);
        }
        if let Some(path) = &self.key_file {
            let secret = Secret::File(path.clone());
            draft.key("flag", Scope::Full, &secret, Place::Flag("--key-file"));
        }
    }
}

impl fmt::Debug for Layers<'_> {
    /// Without the environment, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("host_name", &self.host_name)
            .field("descriptors", &self.descriptors)
            .field("file", &self.file)
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}
