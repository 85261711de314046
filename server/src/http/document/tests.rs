//! The document as it is kept in the repository.

use expect_test::expect_file;

use super::write;
use crate::http::{table, who::Who};

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    expect_file!["../../../../docs/openapi.json"].assert_eq(&write(&table::calls().known));
}

#[test]
fn only_health_and_reference_are_for_everybody() {
    let open = ["/livez", "/readyz", "/version", "/openapi.json", "/problems", "/problems/{code}"];
    for call in table::calls().known {
        let (_, path) = call.operation.at;
        assert_eq!(call.operation.who == Who::Anybody, open.contains(&path), "{path}");
    }
}
