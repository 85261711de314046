//! Tests of what is made of the readings.

use std::time::Duration;

use super::Spent;
use crate::bench::process::Cpu;

fn spent(idle_ms: u64) -> Spent {
    let cpu = |ms| Cpu { user: Duration::from_millis(ms), system: Duration::from_millis(ms) };
    Spent {
        wall: Duration::from_secs(2),
        server: Some(cpu(500)),
        redis: None,
        nodes: Vec::new(),
        own: cpu(900),
        idle: Duration::from_millis(idle_ms),
    }
}

#[test]
fn each_costs_its_share() {
    assert_eq!(spent(0).server_us_each(1000), Some(1000.0));
    assert_eq!(spent(0).server_us_each(0), None);
    assert_eq!(Spent { server: None, ..spent(0) }.server_us_each(1), None);
    assert!((spent(0).per_second(10) - 5.0).abs() < 1e-9);
}

#[test]
fn a_load_without_reserve_says_so() {
    assert!(spent(100).warning().is_some_and(|text| text.contains("busy 95 %")));
    assert_eq!(spent(1000).warning(), None);
}
