//! Document: a node answers as `/openapi.json` says, to calls that the document makes up.

use std::{collections::BTreeMap, process::Command};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    node::{FREE, Node},
    program::{run, usher},
    session::python,
};

/// The document as it is kept.
pub(crate) const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/document.py");

/// What the calls are made of, and what cannot be called like others: see document.toml.
const NOT_CALLED: [&str; 3] =
    ["GET /openapi.json", "GET /v1/events", "POST /v1/nodes/{node}/drain"];

/// What became of the calls of one operation.
#[derive(Debug, Deserialize)]
struct Count {
    /// Calls that the document allows.
    allowed: u32,
    /// Of these, those that succeeded.
    succeeded: u32,
    /// Calls that the document does not allow, and that were refused.
    refused: u32,
}

/// An operation of the document.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its method and path.
    pub(crate) name: String,
    /// Whether there is something in a request that can be wrong.
    takes: bool,
}

/// All operations of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(DOCUMENT).expect("it is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    let operations = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("a path has methods");
        methods.iter().map(move |(method, operation)| {
            let has_parameters = operation["parameters"].as_array().is_some_and(|p| !p.is_empty());
            let takes = has_parameters || operation.get("requestBody").is_some();
            Operation { name: format!("{} {path}", method.to_uppercase()), takes }
        })
    });
    operations.collect()
}

#[test]
fn a_node_is_as_its_document_says() {
    // Many calls with wrong keys are among those that are made up.
    let node = Node::start(
        usher(&["dev", "--listen", FREE]).env("USHER_LIMITS__FAILED_KEYS_PER_MINUTE", "60000"),
    );
    let url = format!("http://{}/openapi.json", node.address);
    assert_eq!(node.type_line(&format!("curl --silent {url}")), DOCUMENT);

    let mut program = Command::new(python());
    // What it writes down for its next run is for nobody.
    program.args([SCRIPT, &url]).current_dir(env!("CARGO_TARGET_TMPDIR"));
    let ended = run(program.env("DOCUMENT_KEY", "usher_dev_key"), "");
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);

    let last = ended.out.lines().next_back().expect("it says something");
    let counts: BTreeMap<String, Count> = serde_json::from_str(last).expect("it is JSON");
    for Operation { name, takes } in operations() {
        if NOT_CALLED.contains(&name.as_str()) {
            continue;
        }
        let count = counts.get(&name).unwrap_or_else(|| panic!("{name} is not called"));
        assert!(count.allowed > 0 && count.succeeded == count.allowed, "{name}: {count:?}");
        assert!(!takes || count.refused > 0, "{name}: {count:?}");
    }
}
