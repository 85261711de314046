//! Links: that what one page says of another is still there.
//!
//! A page is moved, a heading is reworded, and the links to it lead nowhere for years. Every
//! relative link in a Markdown file must lead to a file or folder of the tree, and what follows
//! `#` to a heading in it. Headings get the same short names that the usual forges give them.
//!
//! Not here: links to other sites, which no check at a desk should ask.

mod page;

use crate::{
    fault::Fault,
    tree::{self, Tree},
};

use self::page::{Link, Page};

/// Links that lead nowhere.
pub(super) fn faults(tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (path, text) in tree.texts_ending(".md") {
        for Link { target, line } in Page::read(text).links {
            let what = wrong(tree, path, &target);
            faults.extend(what.map(|what| Fault::at(path, line, format!("{target} {what}"))));
        }
    }
    faults
}

/// What is wrong with a link on the page at `path`.
fn wrong(tree: &Tree, path: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    let file = match (file, file.strip_prefix('/')) {
        ("", _) => Some(path.to_owned()),
        (_, Some(from_root)) => tree::joined("", from_root),
        (relative, None) => tree::joined(tree::folder(path), relative),
    };
    let Some(file) = file.filter(|file| file.is_empty() || tree.has(file)) else {
        return Some("leads to no file");
    };
    let anchor = anchor.filter(|_| file.ends_with(".md"))?;
    let page = Page::read(tree.text(&file)?);
    (!page.anchors.contains(anchor)).then_some("leads to no heading")
}

#[cfg(test)]
mod tests;
