//! Modules: a crate as the tree that its `mod`s make.
//!
//! Starts at a root file and follows each `mod` to its file, as the compiler does. Two checks
//! need the result: which files are reached at all, and who names whom. They want different
//! extents: a file that only tests use is reached, but what tests name breaks no order.
//!
//! Not here: what may be named (`tidy::order`).

use std::collections::BTreeMap;

use crate::{
    outline::{Mod, Name, Outline, Place},
    source,
    tree::{self, Tree},
};

/// How many aliases are followed, one through the other.
const ALIASES_MAX: usize = 8;

/// A module's path from its crate's root, which is the empty one.
pub(crate) type ModulePath = Vec<String>;

/// How much of a crate is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// What is there without `cfg(test)`.
    Shipped,
}

/// One module.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file with its text.
    pub(crate) file: String,
    /// The modules in it, in the order in which it lists them.
    pub(crate) children: Vec<String>,
    /// The paths that it names.
    pub(crate) names: Vec<Name>,
}

/// All modules of one crate.
#[derive(Debug)]
pub(crate) struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    /// Follows the `mod`s from a root file. Those without a file are left to the compiler.
    pub(crate) fn read(tree: &Tree, root: &str, extent: Extent) -> Self {
        let mut modules = BTreeMap::new();
        let mut waiting = vec![(ModulePath::new(), root.to_owned())];
        while let Some((path, file)) = waiting.pop() {
            let Some(text) = tree.text(&file) else { continue };
            let outline = match extent {
                Extent::Whole => Outline::of(&source::code(text)),
                Extent::Shipped => Outline::of(&source::shipped(text)),
            };
            for module in &outline.mods {
                let child = below(&path, &module.within, Some(&module.name));
                if !modules.contains_key(&child)
                    && let Some(file) = file_of(tree, root, &file, module)
                {
                    waiting.push((child, file));
                }
            }
            settle(&mut modules, &path, &file, outline);
        }
        Self { modules }
    }

    /// Each module with its path.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&[String], &Module)> {
        self.modules.iter().map(|(path, module)| (path.as_slice(), module))
    }

    /// A module by its path.
    pub(crate) fn get(&self, path: &[String]) -> Option<&Module> {
        self.modules.get(path)
    }

    /// The module in which the thing lives that is named so at `at`; `None` if in another crate.
    pub(crate) fn resolve(&self, at: &[String], segments: &[String]) -> Option<ModulePath> {
        self.resolve_through(at, segments, ALIASES_MAX)
    }

    fn resolve_through(
        &self,
        at: &[String],
        segments: &[String],
        aliases: usize,
    ) -> Option<ModulePath> {
        let (first, mut rest) = segments.split_first()?;
        let mut here = match first.as_str() {
            "crate" => Vec::new(),
            "self" => at.to_vec(),
            "super" => at.split_last()?.1.to_vec(),
            child => Some(below(at, &[], Some(child))).filter(|c| self.modules.contains_key(c))?,
        };
        while let Some((word, after)) = rest.split_first() {
            let child = below(&here, &[], Some(word));
            if word == "super" {
                here.pop();
            } else if self.modules.contains_key(&child) {
                here = child;
            } else if let Some(target) = self.alias(&here, word, aliases) {
                here = target;
            } else {
                break;
            }
            rest = after;
        }
        Some(here)
    }

    /// Where a module's own `use` of that name leads.
    fn alias(&self, at: &[String], word: &str, aliases: usize) -> Option<ModulePath> {
        let aliases = aliases.checked_sub(1)?;
        let names = &self.modules.get(at)?.names;
        let used = names.iter().find(|name| name.alias.as_deref() == Some(word))?;
        self.resolve_through(at, &used.segments, aliases)
    }
}

/// The files that Cargo starts a crate from, by its customs.
pub(crate) fn roots(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.texts_ending(".rs").map(|(path, _)| path).filter(|path| {
        let package = package_of(tree, path);
        let within = path[package.len()..].trim_start_matches('/');
        let parts: Vec<&str> = within.split('/').collect();
        matches!(
            parts.as_slice(),
            ["src", "lib.rs" | "main.rs"]
                | ["build.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
                | ["tests" | "examples" | "benches", _]
                | ["tests" | "examples" | "benches", _, "main.rs"]
                | ["fuzz_targets", _]
                | ["fuzz", "fuzz_targets", _]
        )
    })
}

/// The Rust files that are not only for tests, each with its text.
pub(crate) fn shipped(tree: &Tree) -> BTreeMap<String, &str> {
    let mut found = BTreeMap::new();
    for root in roots(tree).filter(|root| !root.split('/').any(|part| part == "tests")) {
        for (_, module) in Crate::read(tree, root, Extent::Shipped).modules() {
            let text = tree.text(&module.file);
            found.extend(text.map(|text| (module.file.clone(), text)));
        }
    }
    found
}

/// The nearest folder above that is a package.
fn package_of<'a>(tree: &Tree, path: &'a str) -> &'a str {
    let mut folder = tree::folder(path);
    while !folder.is_empty() && tree.text(&format!("{folder}/Cargo.toml")).is_none() {
        folder = tree::folder(folder);
    }
    folder
}

/// Puts a file's outline into its module and the inline ones in it.
fn settle(
    modules: &mut BTreeMap<ModulePath, Module>,
    path: &[String],
    file: &str,
    outline: Outline,
) {
    let empty = || Module { file: file.to_owned(), ..Module::default() };
    modules.entry(path.to_vec()).or_insert_with(empty);
    for Mod { within, name, place } in outline.mods {
        if place == Place::Inline {
            modules.entry(below(path, &within, Some(&name))).or_insert_with(empty);
        }
        modules.entry(below(path, &within, None)).or_insert_with(empty).children.push(name);
    }
    for name in outline.names {
        let module = modules.entry(below(path, &name.within, None)).or_insert_with(empty);
        module.names.push(name);
    }
}

/// A path, some inline modules below it, and one more name.
fn below(path: &[String], within: &[String], name: Option<&str>) -> ModulePath {
    path.iter().chain(within).cloned().chain(name.map(str::to_owned)).collect()
}

/// The file of a module that another file declares.
fn file_of(tree: &Tree, root: &str, parent: &str, module: &Mod) -> Option<String> {
    let folder = tree::folder(parent);
    let stem = parent.trim_end_matches(".rs");
    let base = if parent == root || parent.ends_with("/mod.rs") { folder } else { stem };
    let base = below(&[base.to_owned()], &module.within, None).join("/");
    match &module.place {
        Place::Inline => None,
        Place::At(file) => tree::joined(folder, file),
        Place::OwnFile => [format!("{}.rs", module.name), format!("{}/mod.rs", module.name)]
            .iter()
            .filter_map(|name| tree::joined(&base, name))
            .find(|path| tree.has(path)),
    }
}

#[cfg(test)]
mod tests;
