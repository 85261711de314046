//! The document as it is kept in the repository.

use expect_test::expect_file;

use super::write;
use crate::http::table;

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    expect_file!["../../../../docs/openapi.json"].assert_eq(&write(&table::calls().known));
}
