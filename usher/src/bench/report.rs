//! Report: what was measured, as a table for people and as JSON for programs.
//!
//! Each figure has one definition here, with its name in both. A figure that could not be had is
//! left out of the table and is null in the JSON.

use serde_json::{Map, Value, json};

/// One thing that was measured, or under which circumstances.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    /// Its name in JSON, with its unit last.
    key: &'static str,
    /// Its name in the table.
    label: &'static str,
    value: Value,
    unit: &'static str,
}

impl Figure {
    /// A whole number.
    pub(super) fn count(key: &'static str, label: &'static str, value: u64) -> Self {
        Self { key, label, value: json!(value), unit: "" }
    }

    /// A number of bytes.
    pub(super) fn bytes(key: &'static str, label: &'static str, value: u64) -> Self {
        Self { key, label, value: json!(value), unit: " bytes" }
    }

    /// A measured number, to three places.
    pub(super) fn real(
        key: &'static str,
        label: &'static str,
        value: impl Into<Option<f64>>,
        unit: &'static str,
    ) -> Self {
        let value = value.into().map(|value| (value * 1000.0).round() / 1000.0);
        Self { key, label, value: json!(value), unit }
    }

    /// A word.
    pub(super) fn word(key: &'static str, label: &'static str, value: &str) -> Self {
        Self { key, label, value: json!(value), unit: "" }
    }

    /// Numbers for programs alone.
    pub(super) fn series(key: &'static str, value: Value) -> Self {
        Self { key, label: "", value, unit: "" }
    }

    fn text(&self) -> Option<String> {
        let text = match &self.value {
            Value::Null => return None,
            Value::String(word) => word.clone(),
            value => match value.as_f64().filter(|_| value.is_f64()) {
                Some(real) => short(real),
                None => value.to_string(),
            },
        };
        Some(format!("{text}{}", self.unit))
    }
}

/// One measurement of several that are made in one go.
#[derive(Debug)]
pub(super) struct Run {
    /// What is special about it.
    pub(super) name: String,
    pub(super) figures: Vec<Figure>,
}

/// What was measured, and how.
#[derive(Debug)]
pub(super) struct Report {
    /// What was run.
    pub(super) bench: &'static str,
    /// What is the same for all of its runs.
    pub(super) about: Vec<Figure>,
    pub(super) runs: Vec<Run>,
    /// What whoever reads the figures should know.
    pub(super) notes: Vec<String>,
}

impl Report {
    /// As one JSON object.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("bench".to_owned(), json!(self.bench));
        object.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        object.extend(fields(&self.about));
        let runs = self.runs.iter().map(|run| {
            let mut object = fields(&run.figures);
            object.insert("run".to_owned(), json!(run.name));
            Value::Object(object)
        });
        object.insert("runs".to_owned(), runs.collect());
        object.insert("notes".to_owned(), json!(self.notes));
        Value::Object(object)
    }

    /// As rows of a table, with a column for each run.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let about = self.about.iter();
        let mut rows: Vec<Vec<String>> = about
            .filter(|figure| !figure.label.is_empty())
            .filter_map(|figure| Some(vec![figure.label.to_owned(), figure.text()?]))
            .collect();
        if self.runs.len() > 1 {
            let names = self.runs.iter().map(|run| run.name.clone());
            rows.push(std::iter::once(String::new()).chain(names).collect());
        }
        let shown = |figure: &&Figure| !figure.label.is_empty();
        let mut labels: Vec<(&str, &str)> = Vec::new();
        for figure in self.runs.iter().flat_map(|run| &run.figures).filter(shown) {
            if !labels.contains(&(figure.key, figure.label)) {
                labels.push((figure.key, figure.label));
            }
        }
        for (key, label) in labels {
            let cell = |run: &Run| run.figures.iter().find(|figure| figure.key == key)?.text();
            let cells: Vec<Option<String>> = self.runs.iter().map(cell).collect();
            if cells.iter().any(Option::is_some) {
                let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
                rows.push(std::iter::once(label.to_owned()).chain(cells).collect());
            }
        }
        rows
    }
}

/// A number with about three digits, which is more than a measurement is good for.
fn short(real: f64) -> String {
    match real.abs() {
        ..10.0 => format!("{real:.2}"),
        ..100.0 => format!("{real:.1}"),
        _ => format!("{real:.0}"),
    }
}

fn fields(figures: &[Figure]) -> Map<String, Value> {
    figures.iter().map(|figure| (figure.key.to_owned(), figure.value.clone())).collect()
}

#[cfg(test)]
mod tests;
