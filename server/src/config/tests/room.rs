//! Room: how many sessions there may be, by the descriptors that there are.

use expect_test::expect;

use super::{Said, check, resolve};

fn sessions(descriptors: Option<usize>) -> usize {
    resolve(Said { descriptors, ..Said::default() }).unwrap().config.limits.sessions
}

#[test]
fn there_are_as_many_as_there_are_descriptors_less_some() {
    assert_eq!(sessions(Some(20_000)), 19_488);
    assert_eq!(sessions(Some(513)), 1);
    assert_eq!(sessions(Some(100)), 1);
    // Some systems know no limit.
    assert_eq!(sessions(Some(usize::MAX)), 10_000_000);
    assert_eq!(sessions(None), 10_000_000);
}

#[test]
fn c7_more_sessions_than_descriptors_are_refused_with_both_numbers() {
    let file = "[limits]\nsessions = 4096\n";
    let said = |descriptors| Said { descriptors: Some(descriptors), file, ..Said::default() };
    assert_eq!(resolve(said(4608)).unwrap().config.limits.sessions, 4096);
    check(
        said(4607),
        expect![[r#"
        conf/usher.toml:2: limits.sessions (4096) must be at most 4095: the process may have 4607 descriptors (ulimit -n), and keeps 512 of them for other things
    "#]],
    );
    check(
        Said { environment: &[("USHER_LIMITS__SESSIONS", "5000")], ..Said::default() },
        expect![[r#"
            USHER_LIMITS__SESSIONS: limits.sessions (5000) must be at most 4096: the process may have 4608 descriptors (ulimit -n), and keeps 512 of them for other things
        "#]],
    );
    assert_eq!(resolve(said(usize::MAX)).unwrap().config.limits.sessions, 4096);
}
