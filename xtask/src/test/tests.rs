//! Stages by name, and the table that they end in.

use std::time::Duration;

use super::{Outcome, Stage, summary};

#[test]
fn each_stage_is_found_by_its_name() {
    for stage in Stage::ALL {
        assert_eq!(stage.name().parse(), Ok(stage));
    }
    let unknown = "all".parse::<Stage>().expect_err("is no stage");
    assert_eq!(
        unknown,
        "no stage all; there are fmt, floors, tidy, clippy, test, docs, shapes, chaos"
    );
}

#[test]
fn the_last_line_counts_the_stages() {
    let outcome = |stage, millis, result: Result<(), &str>| Outcome {
        stage,
        time: Duration::from_millis(millis),
        result: result.map_err(str::to_owned),
    };
    let outcomes = [
        outcome(Stage::Fmt, 420, Ok(())),
        outcome(Stage::Clippy, 12_340, Err("`cargo clippy` failed")),
        outcome(Stage::Test, 100, Ok(())),
    ];
    let expected = "\
fmt          0.4 s  ok
clippy      12.3 s  FAILED: `cargo clippy` failed
test         0.1 s  ok

2 passed, 1 failed";
    assert_eq!(summary(&outcomes), expected);
}
