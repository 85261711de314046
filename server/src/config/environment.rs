//! Environment: settings as variables, `USHER_SESSION__PING=30s`.
//!
//! Orchestrators inject names of their own (`USHER_PORT`, `USHER_SERVICE_HOST`), so a name that is
//! not known is ignored, unless it has two underscores in a row, which only a setting has.

use std::path::PathBuf;

use protocol::suggest::nearest;

use super::{
    Scope, draft::Draft, invalid::Place, secret::Secret, setting::Value, settings::SETTINGS,
};

/// What all of them begin with.
const PREFIX: &str = "USHER_";
/// The secret of a key. Commands send it; `serve` accepts it.
pub(super) const KEY: &str = "USHER_KEY";
/// A file with that secret.
pub(super) const KEY_FILE: &str = "USHER_KEY_FILE";
/// The filter of the log, under the name that one types by hand; the setting's own name wins.
const LOG: &str = "USHER_LOG";
const LOG_FILTER: &str = "USHER_LOG__FILTER";
/// What logs call that key.
const KEY_NAME: &str = "env";

/// Takes all that the environment says.
pub(super) fn read<'v>(
    variables: impl IntoIterator<Item = (&'v str, &'v str)>,
    draft: &mut Draft<'_>,
) {
    let mut variables: Vec<_> =
        variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort_unstable();
    for (name, text) in variables {
        let of = |name| SETTINGS.iter().position(|setting| setting.variable() == name);
        let setting = of(if name == LOG { LOG_FILTER } else { name });
        let place = Place::Variable(name.to_owned());
        match (name, setting) {
            (KEY | KEY_FILE, _) | (_, Some(_)) if text.is_empty() => {
                draft.refuse(place, "is empty; give it a value or unset it");
            }
            (KEY, _) => draft.key(KEY_NAME, Scope::Full, &Secret::Text(text), place),
            (KEY_FILE, _) => {
                draft.key(KEY_NAME, Scope::Full, &Secret::File(PathBuf::from(text)), place);
            }
            (_, Some(index)) => draft.set(index, &Value::Plain(text), place, &[]),
            (_, None) if name.contains("__") => draft.refuse(place, unknown(name)),
            (_, None) => {}
        }
    }
}

fn unknown(name: &str) -> String {
    // Without the prefix, which all share and by which anything would look near.
    let known: Vec<_> = SETTINGS.iter().map(|s| s.variable().split_off(PREFIX.len())).collect();
    let typed = name.to_uppercase().split_off(PREFIX.len());
    match nearest(&typed, known.iter().map(String::as_str)) {
        Some(near) => format!("unknown setting; did you mean {PREFIX}{near}?"),
        None if name.starts_with("USHER_API__") => {
            format!("unknown setting; give a key by {KEY} or {KEY_FILE}, or in the file")
        }
        None => "unknown setting".to_owned(),
    }
}
