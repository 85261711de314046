//! Tests of trends.

use super::{Point, slope};

fn of(values: &[f64]) -> Option<f64> {
    let points: Vec<Point> = (0_u32..)
        .zip(values)
        .map(|(n, value)| Point { at_s: f64::from(n) * 5.0, value: *value })
        .collect();
    slope(&points)
}

#[test]
fn what_grows_has_a_slope() {
    assert_eq!(of(&[0.0, 10.0, 20.0, 30.0]), Some(2.0));
    assert_eq!(of(&[30.0, 20.0, 10.0]), Some(-2.0));
}

#[test]
fn what_only_swings_has_none() {
    assert_eq!(of(&[7.0, 7.0, 7.0]), Some(0.0));
    assert!(of(&[7.0, 9.0, 7.0, 9.0, 7.0]).unwrap().abs() < 1e-9);
}

#[test]
fn one_look_is_no_trend() {
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[7.0]), None);
}
