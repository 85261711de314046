//! Tests of reports.

use serde_json::json;

use super::{Figure, Report, Run};

fn report() -> Report {
    Report {
        bench: "fanout",
        about: vec![Figure::count("sessions", "sessions", 50)],
        runs: vec![
            Run {
                name: "w1".to_owned(),
                figures: vec![
                    Figure::real("rate", "deliveries", 12.345_67, "/s"),
                    Figure::real("server_cpu_s", "server CPU", None, " s"),
                ],
            },
            Run {
                name: "w8".to_owned(),
                figures: vec![
                    Figure::real("rate", "deliveries", 99.0, "/s"),
                    Figure::bytes("peak_bytes", "peak", 7),
                ],
            },
        ],
        notes: vec!["beware".to_owned()],
    }
}

#[test]
fn json_has_each_figure_by_its_name() {
    let expected = json!({
        "bench": "fanout",
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": 50,
        "runs": [
            {"run": "w1", "rate": 12.346, "server_cpu_s": null},
            {"run": "w8", "rate": 99.0, "peak_bytes": 7},
        ],
        "notes": ["beware"],
    });
    assert_eq!(report().json(), expected);
}

#[test]
fn a_table_has_a_column_for_each_run() {
    let rows = report().rows();
    let rows: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let expected: [&[&str]; 4] = [
        &["sessions", "50"],
        &["", "w1", "w8"],
        &["deliveries", "12.3/s", "99.0/s"],
        &["peak", "-", "7 bytes"],
    ];
    assert_eq!(rows, expected);
}
