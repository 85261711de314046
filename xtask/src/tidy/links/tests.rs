//! Two pages and the links between them.

use super::{faults, page::Page};
use crate::{tidy::tests::compare, tree::Tree};

fn check(text: &str, expected: &[&str]) {
    let tree = Tree::from([
        ("docs/guide/session.md", text),
        ("docs/guide/close.md", "# Close codes\n## What `4000` is, and why\n## Twice\n## Twice\n"),
        ("docs/design/one page.md", "<a id=\"here\"></a>"),
        ("README.md", ""),
    ]);
    compare(&faults(&tree), expected);
}

#[test]
fn links_to_what_is_there_are_fine() {
    check("[a](close.md) ![b](../../README.md \"title\") [c](../design) [d](/README.md)", &[]);
    check("[a](close.md#close-codes) [b](close.md#what-4000-is-and-why)", &[]);
    check("[a](close.md#twice) [b](close.md#twice-1)", &[]);
    check("[a](<../design/one page.md#here>) [b](../design/one%20page.md)", &[]);
    check("# Own Heading\n[a](#own-heading)", &[]);
    check("[a][b]\n\n[b]: close.md\n[^1]: no link", &[]);
    check("[a](https://example.org/x) [b](mailto:x@example.org)", &[]);
}

#[test]
fn links_to_nowhere_are_found() {
    check(
        "see\n[a](gone.md) and [b](close.md#gone)",
        &[
            "docs/guide/session.md:2: gone.md leads to no file",
            "docs/guide/session.md:2: close.md#gone leads to no heading",
        ],
    );
    check("[a](#gone)", &["docs/guide/session.md:1: #gone leads to no heading"]);
    check("[a](../../../x.md)", &["docs/guide/session.md:1: ../../../x.md leads to no file"]);
    check("[b]: gone.md", &["docs/guide/session.md:1: gone.md leads to no file"]);
    check(
        "[a](close.md#twice-2)",
        &["docs/guide/session.md:1: close.md#twice-2 leads to no heading"],
    );
}

#[test]
fn code_has_no_links() {
    check("```md\n[a](gone.md)\n# no heading\n```\n`[b](gone.md)` and `c` [d](close.md)", &[]);
    check(
        "~~~\n```\n[a](gone.md)\n~~~\n[b](gone.md)",
        &["docs/guide/session.md:5: gone.md leads to no file"],
    );
}

#[test]
fn headings_get_the_names_that_forges_give() {
    for (heading, expected) in [
        ("# Plain", "plain"),
        ("### What's in `usher.v1`?", "whats-in-usherv1"),
        ("## A [link](x.md) in it", "a-link-in-it"),
        ("## snake_case and kebab-case", "snake_case-and-kebab-case"),
        ("## Größe: 3 µs", "größe-3-µs"),
    ] {
        let page = Page::read(heading);
        assert_eq!(page.anchors.iter().collect::<Vec<_>>(), [expected], "{heading}");
    }
}
