//! Tests of what is made of looks at memory.

use super::{Held, Look, WARM_UP, points, run_of};

#[test]
fn looks_are_spread_over_the_way() {
    let above = |sessions, checkpoints| {
        let points = points(sessions, checkpoints).into_iter();
        points.map(|point| point - WARM_UP).collect::<Vec<_>>()
    };
    assert_eq!(above(15_000, 3), [0, 5000, 10_000, 15_000]);
    assert_eq!(above(10, 1), [0, 10]);
    assert_eq!(above(2, 4), [0, 1, 2]);
}

#[test]
fn each_session_costs_its_share_of_what_was_added() {
    let look = |sessions, resident_bytes, redis_bytes| Look {
        name: String::new(),
        sessions,
        held: Held { resident_bytes, redis_bytes },
    };
    let first = look(0, 10_000_000, Some(500_000));
    let full = run_of(&first, &look(1000, 11_500_000, Some(2_500_000)));
    let runs = vec![full, run_of(&first, &look(0, 10_100_000, None))];
    let report =
        crate::bench::report::Report { bench: "idle", about: Vec::new(), runs, notes: Vec::new() };
    let report = report.json();
    assert_eq!(report["runs"][0]["bytes_per_session"], 1500);
    assert_eq!(report["runs"][0]["redis_bytes_per_session"], 2000);
    assert_eq!(report["runs"][1].get("bytes_per_session"), None);
}
