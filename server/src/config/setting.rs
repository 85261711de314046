//! Setting: one key of the file, and how its value gets in and out of a [`Config`].

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use kernel::rate::Rate;

use super::{Config, unit::Unit};

/// What one key of the file sets.
pub(super) struct Setting {
    /// Empty for keys at the top.
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    pub(super) slot: Slot,
    /// For a default that cannot be written as a value.
    pub(super) absent: Option<Absent>,
    pub(super) help: &'static str,
}

/// A default in words.
pub(super) struct Absent {
    pub(super) words: &'static str,
    /// What one might write, as TOML.
    pub(super) example: &'static str,
}

/// What a value may be, and where it goes.
pub(super) enum Slot {
    Number { unit: Unit, range: RangeInclusive<u64>, field: Field },
    Text { form: &'static str, set: SetText, get: fn(&Config) -> Option<String> },
    File { set: fn(&mut Config, PathBuf), get: fn(&Config) -> Option<PathBuf> },
    List { form: &'static str, set: SetList, get: fn(&Config) -> Vec<String> },
}

/// Fails with what would be right.
pub(super) type SetText = fn(&mut Config, &str) -> Result<(), String>;

/// Fails with the index of the item, and what would be right.
pub(super) type SetList = fn(&mut Config, &[&str]) -> Result<(), (usize, String)>;

/// A field of the configuration; one function serves to read and to write.
pub(super) enum Field {
    Time(fn(&mut Config) -> &mut Duration),
    Large(fn(&mut Config) -> &mut usize),
    Small(fn(&mut Config) -> &mut u32),
    /// Sets both halves: so many at once, and as many each minute.
    PerMinute(fn(&mut Config) -> &mut Rate),
}

/// A value as it was written, before it is known to be right.
pub(super) enum Value<'a> {
    /// A string of the file.
    Text(&'a str),
    /// What a variable or flag holds: a number, a string, or strings with commas between them.
    Plain(&'a str),
    /// None is negative, or larger than anything.
    Integer(Option<u64>),
    List(Vec<Self>),
    /// Something that no setting is, with its article.
    Other(&'static str),
}

/// What is wrong with a value.
pub(super) struct Wrong {
    pub(super) detail: String,
    /// The item of a list that it is about.
    pub(super) item: Option<usize>,
}

impl Value<'_> {
    /// The type's name with its article.
    fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) | Value::Plain(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::List(_) => "a list",
            Value::Other(kind) => kind,
        }
    }
}

impl Setting {
    /// The whole name, as in `session.ping`.
    pub(super) fn path(&self) -> String {
        match self.section {
            "" => self.key.to_owned(),
            section => format!("{section}.{}", self.key),
        }
    }

    /// The variable of the environment, as in `USHER_SESSION__PING`.
    pub(super) fn variable(&self) -> String {
        format!("USHER_{}", self.path().replace('.', "__").to_uppercase())
    }

    /// Puts a value where it belongs, if it is right. Relative paths start at `folder`.
    pub(super) fn set(
        &self,
        config: &mut Config,
        value: &Value<'_>,
        folder: &Path,
    ) -> Result<(), Wrong> {
        let wrong = |detail| Wrong { detail, item: None };
        match &self.slot {
            Slot::Number { unit, range, field } => {
                let number = number(*unit, range, value).map_err(wrong)?;
                field.set(config, number);
                Ok(())
            }
            Slot::Text { set, .. } => match value {
                Value::Text(text) | Value::Plain(text) => set(config, text).map_err(wrong),
                Value::Integer(_) | Value::List(_) | Value::Other(_) => {
                    Err(wrong(format!("must be a string, not {}", value.kind())))
                }
            },
            Slot::File { set, .. } => match value {
                Value::Text("") => Err(wrong("must be the path of a file".to_owned())),
                Value::Text(path) | Value::Plain(path) => {
                    set(config, folder.join(path));
                    Ok(())
                }
                Value::Integer(_) | Value::List(_) | Value::Other(_) => {
                    Err(wrong(format!("must be a string, not {}", value.kind())))
                }
            },
            Slot::List { set, .. } => {
                let items = texts(value)?;
                set(config, &items).map_err(|(item, detail)| Wrong { detail, item: Some(item) })
            }
        }
    }

    /// The number that is set, for settings that are numbers.
    pub(super) fn number(&self, config: &Config) -> Option<(Unit, u64)> {
        match &self.slot {
            Slot::Number { unit, field, .. } => Some((*unit, field.get(config))),
            Slot::Text { .. } | Slot::File { .. } | Slot::List { .. } => None,
        }
    }

    /// The value that is set, as TOML; None if there is none.
    pub(super) fn shown(&self, config: &Config) -> Option<String> {
        let quoted = |text: &String| toml::Value::from(text.as_str()).to_string();
        match &self.slot {
            Slot::Number { unit: Unit::Count, field, .. } => Some(field.get(config).to_string()),
            Slot::Number { unit, field, .. } => Some(quoted(&unit.format(field.get(config)))),
            Slot::Text { get, .. } => get(config).as_ref().map(quoted),
            Slot::File { get, .. } => get(config).map(|path| quoted(&path.display().to_string())),
            Slot::List { get, .. } => match &get(config)[..] {
                [one] if self.absent.is_none() => Some(quoted(one)),
                more => {
                    Some(format!("[{}]", more.iter().map(quoted).collect::<Vec<_>>().join(", ")))
                }
            },
        }
    }

    /// What may be written, for people.
    pub(super) fn form(&self) -> String {
        match &self.slot {
            Slot::Number { unit, range, .. } => bounds(*unit, range),
            Slot::File { .. } => "a path".to_owned(),
            Slot::Text { form, .. } | Slot::List { form, .. } => (*form).to_owned(),
        }
    }
}

impl Field {
    fn set(&self, config: &mut Config, number: u64) {
        const FITS: &str = "ranges are within the field's type";
        match self {
            Self::Time(field) => *field(config) = Duration::from_millis(number),
            Self::Large(field) => *field(config) = usize::try_from(number).expect(FITS),
            Self::Small(field) => *field(config) = u32::try_from(number).expect(FITS),
            Self::PerMinute(field) => {
                let burst = u32::try_from(number).expect(FITS);
                *field(config) = Rate { per_second: burst / 60, burst };
            }
        }
    }

    fn get(&self, config: &Config) -> u64 {
        // Fields are only known as places to write to.
        let config = &mut config.clone();
        match self {
            Self::Time(field) => u64::try_from(field(config).as_millis()).unwrap_or(u64::MAX),
            Self::Large(field) => *field(config) as u64,
            Self::Small(field) => u64::from(*field(config)),
            Self::PerMinute(field) => u64::from(field(config).burst),
        }
    }
}

fn bounds(unit: Unit, range: &RangeInclusive<u64>) -> String {
    format!("{} to {}", unit.format(*range.start()), unit.format(*range.end()))
}

fn number(unit: Unit, range: &RangeInclusive<u64>, value: &Value<'_>) -> Result<u64, String> {
    let must_be = format!("must be {}", unit.form());
    let number = match (value, unit) {
        (Value::Text(text), Unit::Millis | Unit::Bytes) | (Value::Plain(text), _) => {
            Some(unit.parse(text).ok_or(must_be)?)
        }
        (Value::Integer(number), Unit::Bytes | Unit::Count) => *number,
        _ => return Err(format!("{must_be}, not {}", value.kind())),
    };
    match number {
        Some(number) if range.contains(&number) => Ok(number),
        Some(number) => {
            Err(format!("must be {}, not {}", bounds(unit, range), unit.format(number)))
        }
        None => Err(format!("must be {}", bounds(unit, range))),
    }
}

/// The items of a list of strings; one string is a list of one.
fn texts<'a>(value: &Value<'a>) -> Result<Vec<&'a str>, Wrong> {
    let wrong = |value: &Value<'_>, item| {
        let detail = format!("must be a string or a list of strings, not {}", value.kind());
        Wrong { detail, item }
    };
    match value {
        Value::Text(text) => Ok(vec![text]),
        Value::Plain(text) => Ok(text.split(',').map(str::trim).collect()),
        Value::Integer(_) | Value::Other(_) => Err(wrong(value, None)),
        Value::List(items) => {
            let texts = items.iter().enumerate().map(|(index, item)| match item {
                Value::Text(text) => Ok(*text),
                Value::Plain(_) | Value::Integer(_) | Value::List(_) | Value::Other(_) => {
                    let detail = format!("must have strings in the list, not {}", item.kind());
                    Err(Wrong { detail, item: Some(index) })
                }
            });
            texts.collect()
        }
    }
}
