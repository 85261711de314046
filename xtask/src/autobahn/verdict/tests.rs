//! Rows of reports and what is made of them.

use super::{Case, judge, table};

fn check(rows: &[&str], expected: &str) {
    let cases: Vec<Case> =
        rows.iter().map(|row| Case::parse(&row.replace(' ', "\t")).expect("four words")).collect();
    assert_eq!(table(&[judge("core", 3, &cases)]), expected);
}

#[test]
fn all_cases_good_are_a_pass() {
    check(
        &["1.1.1 OK OK 1000", "6.4.1 OK OK 1007", "7.1.6 INFORMATIONAL INFORMATIONAL None"],
        "\
group    cases    ok  informational  bad
core         3     2              1    0
passed",
    );
}

#[test]
fn a_case_that_is_not_strict_is_bad() {
    check(
        &["1.1.1 OK OK 1000", "6.4.1 NON-STRICT OK 1007", "7.1.5 OK FAILED 1002"],
        "\
group    cases    ok  informational  bad
core         3     1              0    2
6.4.1: NON-STRICT, close OK with 1007
7.1.5: OK, close FAILED with 1002
FAILED",
    );
}

#[test]
fn missing_cases_are_no_pass() {
    check(
        &["1.1.1 OK OK 1000"],
        "\
group    cases    ok  informational  bad
core         1     1              0    0 of 3
FAILED",
    );
    check(
        &[],
        "\
group    cases    ok  informational  bad
core         0     0              0    0 of 3
FAILED",
    );
}

#[test]
fn a_row_of_another_form_is_not_read() {
    assert_eq!(Case::parse("1.1.1\tOK\tOK"), None);
    assert_eq!(Case::parse("Traceback"), None);
}
