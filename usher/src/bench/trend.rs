//! Trend: whether something that is looked at again and again grows.

/// A value at a time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) at_s: f64,
    pub(super) value: f64,
}

/// By how much it grows in a second: the slope of the straight line that lies nearest to all points
/// (least squares). `None` if there are fewer than two times.
pub(super) fn slope(points: &[Point]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (at, value) = (mean(|point| point.at_s), mean(|point| point.value));
    let spread: f64 = points.iter().map(|point| (point.at_s - at).powi(2)).sum();
    let shared: f64 = points.iter().map(|point| (point.at_s - at) * (point.value - value)).sum();
    (spread > 0.0).then(|| shared / spread)
}

#[cfg(test)]
mod tests;
