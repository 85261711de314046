//! Chart: memory against sessions, drawn from what `usher bench idle -o json` said.
//!
//! A curve shows what a table of a few points hides: steps where tables double, and whether the
//! cost of one more session grows with those that are there. The line beside it is the bar that
//! the project holds itself to. It is drawn anew from a new measurement by one command, so that
//! the picture is never older than its figures.

use std::{fs, path::Path};

use plotters::prelude::*;
use serde_json::Value;

/// What one session may cost at most, in bytes.
const BAR_BYTES: f64 = 2048.0;

const SIZE: (u32, u32) = (720, 400);

const MIB: f64 = 1024.0 * 1024.0;

/// Memory at several points, as it was measured.
#[derive(Debug, PartialEq)]
struct Curve {
    /// Sessions, and MiB that were resident.
    points: Vec<(f64, f64)>,
}

/// Draws what `report` says to `picture`.
pub(crate) fn run(report: &Path, picture: &Path) -> Result<bool, String> {
    let text = fs::read_to_string(report).map_err(|e| format!("{}: {e}", report.display()))?;
    let svg = draw(&curve(&text)?)?;
    fs::write(picture, svg).map_err(|e| format!("{}: {e}", picture.display()))?;
    Ok(true)
}

fn curve(report: &str) -> Result<Curve, String> {
    let report: Value = serde_json::from_str(report).map_err(|e| format!("no report: {e}"))?;
    let number = |of: &Value, key: &str| {
        of[key].as_f64().ok_or_else(|| format!("no report of usher bench idle: {key} is missing"))
    };
    let mut points = vec![(0.0, number(&report, "rss_before_bytes")? / MIB)];
    for run in report["runs"].as_array().into_iter().flatten() {
        points.push((number(run, "sessions")?, number(run, "rss_bytes")? / MIB));
    }
    let grows = points.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if points.len() < 3 || !grows {
        return Err("a curve needs several points; measure with --checkpoints 18".to_owned());
    }
    Ok(Curve { points })
}

fn draw(curve: &Curve) -> Result<String, String> {
    let mut svg = String::new();
    paint(curve, &mut svg).map_err(|e| e.to_string())?;
    Ok(svg)
}

fn paint(curve: &Curve, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let (most, before) = (curve.points.last().map_or(0.0, |last| last.0), curve.points[0].1);
    let bar = |sessions: f64| before + sessions * BAR_BYTES / MIB;
    let highest = curve.points.iter().map(|point| point.1).fold(bar(most), f64::max);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..most, 0.0..highest * 1.1)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("sessions that do nothing")
        .y_desc("MiB resident")
        .x_label_formatter(&|sessions| format!("{sessions:.0}"))
        .y_label_formatter(&|mib| format!("{mib:.0}"))
        .draw()?;
    let dashes = DashedLineSeries::new([(0.0, before), (most, bar(most))], 6, 4, RED.into());
    chart
        .draw_series(dashes)?
        .label("2 KiB for each")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], RED));
    chart
        .draw_series(LineSeries::new(curve.points.iter().copied(), BLUE.stroke_width(2)))?
        .label("measured")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], BLUE.stroke_width(2)));
    chart.draw_series(curve.points.iter().map(|point| Circle::new(*point, 3, BLUE.filled())))?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests;
