//! The catalogue is consistent.

use std::collections::HashSet;

use super::ProblemCode;
use crate::close::CloseCode;

#[test]
fn each_problem_has_its_own_name_and_an_error_status() {
    let names: HashSet<_> = ProblemCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(names.len(), ProblemCode::ALL.len());
    for code in ProblemCode::ALL {
        assert!((400..600).contains(&code.status()), "{code:?}");
        assert!(code.title().ends_with('.') && code.advice().ends_with('.'), "{code:?}");
        assert_eq!(ProblemCode::from_name(code.name()), Some(*code));
    }
}

#[test]
fn a_refusal_to_come_back_is_a_client_error_and_one_to_wait_is_not() {
    for code in CloseCode::ALL {
        let status = ProblemCode::of_refusal(*code).status();
        assert_eq!(status >= 500, code.number() < 4200, "{code}");
    }
}
