//! Tests of what is made of latencies.

use std::time::Duration;

use super::Tally;
use crate::bench::report::{Report, Run};

fn told(tally: &Tally) -> serde_json::Value {
    let run = Run { name: String::new(), figures: tally.latencies() };
    let report = Report { bench: "", about: Vec::new(), runs: vec![run], notes: Vec::new() };
    report.json()["runs"][0].take()
}

#[test]
fn percentiles_are_of_all_that_arrived() {
    let mut tally = Tally::new();
    for ms in 1..=1000 {
        tally.arrived(Duration::from_secs(1), Duration::from_millis(1000 + ms));
    }
    let told = told(&tally);
    for (key, us) in [
        ("latency_p50_us", 500_000.0),
        ("latency_p90_us", 900_000.0),
        ("latency_p99_us", 990_000.0),
        ("latency_p999_us", 999_000.0),
        ("latency_max_us", 1_000_000.0),
    ] {
        let value = told[key].as_f64().unwrap();
        assert!((value / us - 1.0_f64).abs() < 0.002, "{key}: {value}");
    }
    assert_eq!(tally.arrived, 1000);
}

#[test]
fn what_never_ends_is_counted_among_the_longest() {
    let mut tally = Tally::new();
    tally.arrived(Duration::ZERO, Duration::from_secs(1_000_000));
    assert!(told(&tally)["latency_max_us"].as_f64().unwrap() >= 600e6);
}

#[test]
fn without_any_there_is_no_latency() {
    assert!(told(&Tally::new())["latency_p50_us"].is_null());
}
