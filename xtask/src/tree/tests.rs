//! Paths within the tree.

use super::{Tree, folder, joined};

#[test]
fn a_relative_path_is_made_whole_and_stays_inside() {
    assert_eq!(joined("docs/guide", "../design/one.md").as_deref(), Some("docs/design/one.md"));
    assert_eq!(joined("docs", "./a//b.md").as_deref(), Some("docs/a/b.md"));
    assert_eq!(joined("", "README.md").as_deref(), Some("README.md"));
    assert_eq!(joined("docs", "../../elsewhere"), None);
}

#[test]
fn a_folder_is_there_while_a_file_is_in_it() {
    let tree = Tree::from([("docs/guide/session.md", ""), ("docs-old", "")]);
    assert!(tree.has("docs") && tree.has("docs/guide") && tree.has("docs/guide/session.md"));
    assert!(!tree.has("doc") && !tree.has("docs/guide/sess"));
    assert_eq!(folder("docs/guide/session.md"), "docs/guide");
    assert_eq!(folder("README.md"), "");
}
