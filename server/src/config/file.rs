//! File: what `usher.toml` says, with the line of each thing that is wrong.

use std::{borrow::Cow, fmt, sync::Arc};

use protocol::suggest::nearest;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Scope,
    draft::Draft,
    invalid::Place,
    secret::{FIELDS, Secret},
    setting::Value,
    settings, text,
};

/// The section that has more than settings: `[[api.keys]]`.
const API: &str = "api";

/// A configuration file that was read.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// Its path, as messages name it.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

type Name<'i> = Spanned<Cow<'i, str>>;
type Written<'i> = Spanned<DeValue<'i>>;

struct Reader<'a, 'd, 'r> {
    file: File<'a>,
    name: Arc<str>,
    draft: &'d mut Draft<'r>,
}

/// Takes all that a file says.
pub(super) fn read(file: File<'_>, draft: &mut Draft<'_>) {
    let mut reader = Reader { file, name: file.name.into(), draft };
    let (table, errors) = DeTable::parse_recoverable(file.text);
    let mut last = None;
    for error in &errors {
        let span = error.span().unwrap_or(file.text.len()..file.text.len());
        let place = reader.place(span.start);
        // A slip makes more than one error of its line; the first says most.
        if last.replace(place.clone()).as_ref() != Some(&place) {
            let detail = not_toml(error.message(), file.text.get(span).unwrap_or_default());
            reader.draft.refuse(place, detail);
        }
    }
    if errors.is_empty() {
        reader.top(table.get_ref());
    }
}

impl Reader<'_, '_, '_> {
    fn top(&mut self, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let (name, place) = (key.get_ref().as_ref(), self.place(key.span().start));
            let section = settings::sections().contains(&name);
            match value.get_ref() {
                DeValue::Table(table) if name == API => self.api(table),
                DeValue::Table(table) if section => self.section(name, table),
                _ if section => {
                    self.draft.refuse(
                        place,
                        format!("{name} must be a section, written once as [{name}]"),
                    );
                }
                _ if settings::find("", name).is_some() => self.setting("", key, value),
                written => {
                    let table = match written {
                        DeValue::Array(items) => items.iter().any(|item| item.get_ref().is_table()),
                        other => other.is_table(),
                    };
                    let detail = if table { unknown_section(name) } else { unknown_key("", name) };
                    self.draft.refuse(place, detail);
                }
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            self.setting(section, key, value);
        }
    }

    fn setting(&mut self, section: &str, key: &Name<'_>, written: &Written<'_>) {
        let place = self.place(key.span().start);
        let Some(index) = settings::find(section, key.get_ref()) else {
            return self.draft.refuse(place, unknown_key(section, key.get_ref()));
        };
        let items: Vec<Place> = match written.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(|item| self.place(item.span().start)).collect()
            }
            _ => Vec::new(),
        };
        self.draft.set(index, &value(written.get_ref()), place, &items);
    }

    fn api(&mut self, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let place = self.place(key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("keys", DeValue::Array(keys)) => {
                    for key in keys.iter() {
                        match key.get_ref() {
                            DeValue::Table(table) => self.key(table, self.place(key.span().start)),
                            _ => self.draft.refuse(place.clone(), KEYS_FORM),
                        }
                    }
                }
                ("keys", _) => self.draft.refuse(place, KEYS_FORM),
                (name, _) if settings::find(API, name).is_some() => self.setting(API, key, value),
                (name, _) => {
                    let known = settings::keys(API).chain(["keys"]);
                    self.draft.refuse(place, unknown(name, "[api]", known));
                }
            }
        }
    }

    fn key(&mut self, table: &DeTable<'_>, place: Place) {
        let (mut name, mut secrets, mut wrong) = (None, Vec::new(), false);
        let mut scope = Scope::Full;
        for (key, value) in in_order(table) {
            let place = self.place(key.span().start);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => match text::word(text) {
                    Ok(()) => name = Some(text.as_ref()),
                    Err(detail) => {
                        wrong = true;
                        self.draft.refuse(place, format!("name in [[api.keys]] {detail}"));
                    }
                },
                ("key", DeValue::String(text)) => secrets.push((Secret::Text(text), place)),
                ("key_file", DeValue::String(path)) => {
                    secrets.push((Secret::File(place.folder().join(path.as_ref())), place));
                }
                ("sha256", DeValue::String(hex)) => secrets.push((Secret::Sha256(hex), place)),
                ("scope", DeValue::String(text)) => match Scope::from_name(text) {
                    Some(said) => scope = said,
                    None => {
                        wrong = true;
                        let detail = "scope in [[api.keys]] must be \"full\" or \"read\"";
                        self.draft.refuse(place, detail);
                    }
                },
                (key, _) => {
                    wrong = true;
                    let detail = if FIELDS.iter().any(|field| field.name == key) {
                        format!("{key} in [[api.keys]] must be a string")
                    } else {
                        unknown(key, "[[api.keys]]", FIELDS.map(|field| field.name))
                    };
                    self.draft.refuse(place, detail);
                }
            }
        }
        match (name, &secrets[..]) {
            _ if wrong => {}
            (Some(name), [(secret, place)]) => self.draft.key(name, scope, secret, place.clone()),
            (None, _) => self.draft.refuse(place, "[[api.keys]] must have a name"),
            (Some(_), _) => {
                self.draft.refuse(place, "[[api.keys]] must have one of key_file, sha256 and key");
            }
        }
    }

    /// The place of a byte of the text.
    fn place(&self, at: usize) -> Place {
        let before = self.file.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Place::Line { file: Arc::clone(&self.name), line }
    }
}

impl fmt::Debug for File<'_> {
    /// Without the text, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("name", &self.name).finish_non_exhaustive()
    }
}

const KEYS_FORM: &str = "api.keys must be written as [[api.keys]]";

/// The keys as they stand in the file; a table sorts them.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Name<'i>, &'t Written<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn value<'a>(written: &'a DeValue<'_>) -> Value<'a> {
    match written {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(number) => {
            Value::Integer(u64::from_str_radix(number.as_str(), number.radix()).ok())
        }
        DeValue::Array(items) => Value::List(items.iter().map(|i| value(i.get_ref())).collect()),
        DeValue::Float(_) => Value::Other("a number with a point"),
        DeValue::Boolean(_) => Value::Other("a boolean"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

/// Only of a key is the text repeated: elsewhere it may be a secret.
fn not_toml(message: &str, text: &str) -> String {
    match message {
        "duplicate key" => format!("{} is there twice", text.escape_debug()),
        _ => format!("not TOML: {}", message.trim_end_matches(", expected nothing")),
    }
}

fn unknown_section(name: &str) -> String {
    let hint = nearest(name, settings::sections()).map(|near| format!("; did you mean [{near}]?"));
    format!("unknown section [{}]{}", name.escape_debug(), hint.unwrap_or_default())
}

fn unknown_key(section: &str, key: &str) -> String {
    let within = if section.is_empty() { String::new() } else { format!("[{section}]") };
    let mut sections = [""].into_iter().chain(settings::sections());
    match sections.find(|other| settings::find(other, key).is_some()) {
        Some("") => unknown(key, &within, []) + "; it belongs at the top, before any section",
        Some(other) => unknown(key, &within, []) + &format!("; it belongs in [{other}]"),
        None => unknown(key, &within, settings::keys(section)),
    }
}

/// What to say of a key that is not one of `known`.
fn unknown<'k>(key: &str, section: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let within = if section.is_empty() { String::new() } else { format!(" in {section}") };
    let hint = nearest(key, known).map(|near| format!("; did you mean {near}?"));
    format!("unknown key `{}`{within}{}", key.escape_debug(), hint.unwrap_or_default())
}
