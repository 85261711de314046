//! Show: the configuration as a file: what is in effect and why, and what it is without one.

use super::{
    Config, Scope,
    draft::Effective,
    setting::Setting,
    settings::{self, SETTINGS},
};

/// What is in effect, as TOML, each value with where it comes from; without secrets.
#[must_use]
pub fn show(effective: &Effective) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (section, settings) in by_section() {
        if !section.is_empty() {
            lines.push(Default::default());
            lines.push((format!("[{section}]"), String::new()));
        }
        for (index, setting) in settings {
            let place = effective.places[index].to_string();
            lines.push(match setting.shown(&effective.config) {
                Some(value) => (format!("{} = {value}", setting.key), place),
                None => (format!("# {} = (not set)", setting.key), place),
            });
        }
    }
    for key in &effective.keys {
        lines.push(Default::default());
        lines.push(("[[api.keys]]".to_owned(), String::new()));
        lines.push((format!("name = \"{}\"", key.name), String::new()));
        lines.push((key.secret.clone(), key.place.to_string()));
        if key.scope != Scope::Full {
            lines.push((format!("scope = \"{}\"", key.scope.name()), key.place.to_string()));
        }
    }
    aligned(&lines)
}

/// A file with every key at its default, as a comment with its help.
#[must_use]
pub fn defaults() -> String {
    let config = Config::default();
    let mut text =
        "# Every key, as it is when nothing is said. Take away the `# ` to change one.\n"
            .to_owned();
    for (section, settings) in by_section() {
        if !section.is_empty() {
            text += &format!("\n[{section}]\n");
        }
        for (_, setting) in settings {
            let words = setting.absent.as_ref().map(|a| format!(" Default: {}.", a.words));
            text += &format!("\n# {}{}\n", setting.help, words.unwrap_or_default());
            text += &format!("# {} = {}\n", setting.key, written(setting, &config));
        }
    }
    text += "\n# Who may call the API, as often as there are keys.\n# [[api.keys]]\n";
    text + "# name = \"backend\"\n# key_file = \"backend.key\"\n"
}

/// The default as TOML, or an example if it cannot be written.
pub(super) fn written(setting: &Setting, config: &Config) -> String {
    match &setting.absent {
        Some(absent) => absent.example.to_owned(),
        None => setting.shown(config).expect("a setting without a default has words for it"),
    }
}

/// The table's sections, each with its settings and their indices.
pub(super) fn by_section() -> impl Iterator<Item = (&'static str, Vec<(usize, &'static Setting)>)> {
    [""].into_iter().chain(settings::sections()).map(|section| {
        let settings = SETTINGS.iter().enumerate().filter(|(_, s)| s.section == section);
        (section, settings.collect())
    })
}

/// Lines with their comments in one column.
fn aligned(lines: &[(String, String)]) -> String {
    let commented = lines.iter().filter(|(_, comment)| !comment.is_empty());
    let width = commented.map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (line, comment) in lines {
        if comment.is_empty() {
            text += &format!("{line}\n");
        } else {
            text += &format!("{line:width$}  # {comment}\n");
        }
    }
    text
}
