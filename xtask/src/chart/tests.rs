//! Tests of the chart.

use super::{Curve, curve, draw};

const REPORT: &str = r#"{"rss_before_bytes": 10485760, "runs": [
    {"sessions": 1000, "rss_bytes": 12582912}, {"sessions": 2000, "rss_bytes": 14680064}]}"#;

#[test]
fn a_report_is_read_in_mib() {
    let points = vec![(0.0, 10.0), (1000.0, 12.0), (2000.0, 14.0)];
    assert_eq!(curve(REPORT), Ok(Curve { points }));
}

#[test]
fn what_is_no_report_of_growth_is_told() {
    let one = r#"{"rss_before_bytes": 1, "runs": [{"sessions": 1, "rss_bytes": 2}]}"#;
    let back = REPORT.replace("2000", "0");
    for (wrong, why) in [
        ("", "no report: "),
        ("{}", "rss_before_bytes is missing"),
        (r#"{"rss_before_bytes": 1, "runs": [{"sessions": 1}]}"#, "rss_bytes is missing"),
        (one, "several points"),
        (&back, "several points"),
    ] {
        let error = curve(wrong).expect_err(wrong);
        assert!(error.contains(why), "{wrong}: {error}");
    }
}

#[test]
fn a_picture_shows_each_point_and_the_bar() {
    let svg = draw(&curve(REPORT).unwrap()).unwrap();
    assert_eq!(svg.matches("<circle").count(), 3);
    for text in ["MiB resident", "2 KiB for each", "measured"] {
        assert!(svg.contains(text), "{text}");
    }
}
