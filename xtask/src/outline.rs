//! Outline: which modules a Rust file declares and which paths it names.
//!
//! Module order is a law about names: who says `crate::x`, `super::x` or `self::x`. `use` trees
//! are unfolded to one path each, and each path remembers the inline modules that it stands in,
//! because `super` means something else there. What an alias brings into scope is kept, so that a
//! thing named through its parent's `pub use` is still found where it lives.
//!
//! Not here: where a path leads (`modules`). Unseen: what a `use x::*` brings, and paths that a
//! macro puts together.

use crate::source::{Kind, Token};

/// A `mod` in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mod {
    /// The inline modules around it.
    pub(crate) within: Vec<String>,
    /// Its name.
    pub(crate) name: String,
    /// Where its text is.
    pub(crate) place: Place,
}

/// Where the text of a module is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In braces, here.
    Inline,
    /// In the file that its name tells.
    OwnFile,
    /// In the file that a `#[path]` tells.
    At(String),
}

/// A path that a file names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// The inline modules around it.
    pub(crate) within: Vec<String>,
    /// Its words, `crate`, `self` or `super` first unless a `use` says it bare.
    pub(crate) segments: Vec<String>,
    /// What a `use` makes of it here: its last word or what follows `as`.
    pub(crate) alias: Option<String>,
    /// The line.
    pub(crate) line: usize,
}

/// What a file declares and names, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Its modules.
    pub(crate) mods: Vec<Mod>,
    /// Its paths.
    pub(crate) names: Vec<Name>,
}

impl Outline {
    /// Reads the tokens of a file, comments left out.
    pub(crate) fn of(code: &[Token<'_>]) -> Self {
        let mut reader = Reader { code, at: 0, depth: 0, open: Vec::new(), out: Self::default() };
        reader.read();
        reader.out
    }
}

struct Reader<'a> {
    code: &'a [Token<'a>],
    at: usize,
    depth: usize,
    /// Inline modules, each with the depth outside of it.
    open: Vec<(String, usize)>,
    out: Outline,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut file = None;
        while let Some(token) = self.code.get(self.at) {
            if token.is("{") {
                self.depth += 1;
            } else if token.is("}") {
                self.depth = self.depth.saturating_sub(1);
                self.open.pop_if(|(_, depth)| *depth == self.depth);
            } else if token.is("path") && self.peek(1, "=") && self.before("[") {
                file = self.code.get(self.at + 2).map(|t| t.text.trim_matches('"').to_owned());
            } else if token.is("mod") && self.word(1).is_some() {
                self.module(file.take());
            } else if token.is("use") && !self.peek(1, "<") {
                self.at += 1;
                self.use_tree(&[]);
                continue;
            } else if self.begins_path(token) {
                self.path();
                continue;
            }
            self.at += 1;
        }
    }

    fn module(&mut self, file: Option<String>) {
        let Some(name) = self.word(1) else { return };
        let place = match file {
            _ if self.peek(2, "{") => Place::Inline,
            Some(file) => Place::At(file),
            None => Place::OwnFile,
        };
        let within = self.within();
        if place == Place::Inline {
            self.open.push((name.clone(), self.depth));
        }
        self.out.mods.push(Mod { within, name, place });
        self.at += 1;
    }

    /// One branch of a `use`, up to its `,`, `}` or `;`.
    fn use_tree(&mut self, stem: &[String]) {
        let mut segments = stem.to_vec();
        let line = self.code.get(self.at).map_or(0, |token| token.line);
        let mut alias = None;
        while let Some(token) = self.code.get(self.at) {
            if token.is(";") || token.is(",") || token.is("}") {
                break;
            }
            self.at += 1;
            if token.is("{") {
                self.use_branches(&segments);
                return;
            }
            if token.is("as") {
                alias = self.word(0);
                self.at += 1;
            } else if token.is("*") || token.kind == Kind::Word {
                segments.push(token.text.to_owned());
            }
        }
        // `use a::{self}` names `a`.
        segments.pop_if(|last| last == "self" && !stem.is_empty());
        if segments.len() > stem.len() || !stem.is_empty() {
            let alias = alias.or_else(|| segments.last().cloned());
            self.out.names.push(Name { within: self.within(), segments, alias, line });
        }
    }

    /// What stands in the braces of a `use`, after the opening one.
    fn use_branches(&mut self, stem: &[String]) {
        while let Some(token) = self.code.get(self.at) {
            if token.is("}") {
                self.at += 1;
                return;
            }
            if token.is(",") {
                self.at += 1;
            } else if token.is(";") {
                return;
            } else {
                self.use_tree(stem);
            }
        }
    }

    fn begins_path(&self, token: &Token<'_>) -> bool {
        let first = ["crate", "self", "super"].iter().any(|word| token.is(word));
        first && self.peek(1, "::") && !self.before("::")
    }

    fn path(&mut self) {
        let line = self.code[self.at].line;
        let mut segments = Vec::new();
        while let Some(word) = self.word(0) {
            segments.push(word);
            self.at += 1;
            if !self.peek(0, "::") {
                break;
            }
            self.at += 1;
        }
        self.out.names.push(Name { within: self.within(), segments, alias: None, line });
    }

    fn within(&self) -> Vec<String> {
        self.open.iter().map(|(name, _)| name.clone()).collect()
    }

    fn peek(&self, ahead: usize, text: &str) -> bool {
        self.code.get(self.at + ahead).is_some_and(|token| token.is(text))
    }

    fn before(&self, text: &str) -> bool {
        self.at > 0 && self.code[self.at - 1].is(text)
    }

    fn word(&self, ahead: usize) -> Option<String> {
        let token = self.code.get(self.at + ahead)?;
        (token.kind == Kind::Word).then(|| token.text.to_owned())
    }
}

#[cfg(test)]
mod tests;
