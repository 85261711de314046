//! `[log]`: what is logged, and how it looks.
//!
//! Checked here, so that a wrong filter is an error with its place like any other; written by
//! whoever runs the node.

use super::Config;

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: a level, or levels by module, as in `info,server=debug`.
    pub filter: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, what happened, and fields as `name=value`.
    Text,
    /// For programs: one JSON object.
    Json,
}

/// What can be asked for, least first.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl LogFormat {
    const ALL: [Self; 2] = [Self::Text, Self::Json];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

pub(super) fn set_format(config: &mut Config, text: &str) -> Result<(), String> {
    let format = LogFormat::ALL.into_iter().find(|format| format.name() == text);
    config.log.format = format.ok_or("must be text or json")?;
    Ok(())
}

pub(super) fn set_filter(config: &mut Config, text: &str) -> Result<(), String> {
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    if directives.iter().all(|directive| is_directive(directive)) {
        config.log.filter = directives.join(",");
        return Ok(());
    }
    Err(format!(
        "must be a level ({}), or levels by module with commas between them, such as \
         \"info,server=debug\"",
        LEVELS.join(", ")
    ))
}

/// A level, or a module and its level.
fn is_directive(text: &str) -> bool {
    let is_level = |text: &str| LEVELS.iter().any(|level| text.eq_ignore_ascii_case(level));
    let in_module = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    match text.split_once('=') {
        None => is_level(text),
        Some((module, level)) => {
            !module.is_empty() && module.chars().all(in_module) && is_level(level)
        }
    }
}
