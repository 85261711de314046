//! Tests of what is typed behind `usher bench`.

use std::time::Duration;

use super::time;

#[test]
fn times_are_read_as_people_write_them() {
    for (text, ms) in
        [("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)]
    {
        assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
    }
    for text in [
        "",
        "10",
        "s",
        "1.5s",
        "-1s",
        "10 s",
        "1d",
        "99999999999999999999s",
        "9999999999999999999h",
    ] {
        assert!(time(text).is_err(), "{text}");
    }
}
