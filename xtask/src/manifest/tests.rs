//! Pieces of manifests and what is read from them.

use super::{Manifest, Need};

/// Each dependency prints as `key (package) @path need`.
fn check(text: &str, expected: Result<&[&str], Vec<usize>>) {
    let got = Manifest::read(text).dependencies().map(|found| {
        let row = |d: &super::Dependency| {
            let path = d.path.as_ref().map_or(String::new(), |path| format!(" @{path}"));
            let need = if d.need == Need::Dev { " dev" } else { "" };
            format!("{} ({}){path}{need}", d.key, d.package())
        };
        found.iter().map(row).collect::<Vec<_>>()
    });
    let expected = expected.map(|rows| rows.iter().map(|&row| row.to_owned()).collect::<Vec<_>>());
    assert_eq!(got, expected, "{text}");
}

#[test]
fn every_way_to_write_a_dependency_is_read() {
    check("[dependencies]\nbytes = \"1\" # why", Ok(&["bytes (bytes)"]));
    check("[dependencies]\nkernel.workspace = true", Ok(&["kernel (kernel)"]));
    check("[dependencies]\nk.path = \"../k\"\nk.version = \"1\"", Ok(&["k (k) @../k"]));
    check(
        "[dependencies]\nk = { package = \"usher-k\", path = \"../k\", features = [\"a\", \"b\"] }",
        Ok(&["k (usher-k) @../k"]),
    );
    check("[dependencies.k]\npath = \"../k\"\nfeatures = []", Ok(&["k (k) @../k"]));
    check(
        "[dependencies]\na = { features = [\n \"x\", # one\n \"y\",\n] }\nb = \"1\"",
        Ok(&["a (a)", "b (b)"]),
    );
}

#[test]
fn kinds_and_targets_are_told_apart() {
    let text = "\
[package]
name = \"x\"
[dev-dependencies]
a = \"1\"
[build-dependencies]
b = \"1\"
[target.'cfg(unix)'.dependencies]
c = \"1\"
[target.'cfg(unix)'.dev-dependencies.d]
version = \"1\"
[workspace.dependencies]
e = \"1\"
[features]
f = []
";
    check(text, Ok(&["a (a) dev", "b (b)", "c (c)", "d (d) dev"]));
}

#[test]
fn a_line_of_no_known_form_is_an_error() {
    check("[dependencies]\na = \"1\"\nb\n\"c d\" = \"1\"\ne = 1", Err(vec![3, 4, 5]));
}

#[test]
fn members_and_values_are_found() {
    let text =
        "[workspace]\nmembers = [\n  \"a\",\n  \"sdk/b\", # two\n]\n[lints]\nworkspace = true";
    let manifest = Manifest::read(text);
    assert_eq!(manifest.members(), ["a", "sdk/b"]);
    assert_eq!(manifest.value("lints", "workspace"), Some("true"));
    assert_eq!(manifest.value("lints", "rust"), None);
    assert!(manifest.has("workspace") && !manifest.has("package"));
}
