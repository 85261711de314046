//! Draft: a configuration while it is put together, with the place of each value and all that was
//! wrong. Later values win; all are checked, for a wrong line is wrong even if something overrides
//! it.

use protocol::limit;

use super::{
    Config, Scope,
    invalid::{Invalid, Place},
    relation::{RELATIONS, Relation},
    secret::{ReadFile, Secret},
    setting::Value,
    settings::{self, SETTINGS},
    text,
    unit::Unit,
};
use crate::tls::Which;

/// What has been said so far.
pub(super) struct Draft<'a> {
    config: Config,
    /// In the order of `SETTINGS`.
    places: Vec<Place>,
    keys: Vec<Keyed>,
    descriptors: Option<usize>,
    invalid: Vec<Invalid>,
    read: ReadFile<'a>,
}

/// Where a key comes from, for `show`.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub(super) name: String,
    pub(super) scope: Scope,
    /// A line of TOML without the secret.
    pub(super) secret: String,
    pub(super) place: Place,
}

/// A whole and valid configuration, and where each value comes from.
#[derive(Debug, Clone)]
pub struct Effective {
    /// What the node is told.
    pub config: Config,
    /// In the order of `SETTINGS`.
    pub(super) places: Vec<Place>,
    pub(super) keys: Vec<Keyed>,
}

impl<'a> Draft<'a> {
    /// Nothing but defaults.
    pub(super) fn new(read: ReadFile<'a>) -> Self {
        let places = vec![Place::Default; SETTINGS.len()];
        Self {
            config: Config::default(),
            places,
            keys: Vec::new(),
            descriptors: None,
            invalid: Vec::new(),
            read,
        }
    }

    /// Notes something wrong.
    pub(super) fn refuse(&mut self, place: Place, detail: impl Into<String>) {
        self.invalid.push(Invalid { place, detail: detail.into() });
    }

    /// Takes the value of a setting. `items` has the places of a list's items, if they differ.
    pub(super) fn set(&mut self, index: usize, value: &Value<'_>, place: Place, items: &[Place]) {
        let setting = &SETTINGS[index];
        match setting.set(&mut self.config, value, place.folder()) {
            Ok(()) => self.places[index] = place,
            Err(wrong) => {
                let place = wrong.item.and_then(|item| items.get(item)).unwrap_or(&place).clone();
                let detail = match (&place, wrong.item) {
                    (Place::Line { .. }, _) => format!("{} {}", setting.path(), wrong.detail),
                    // Other places are one line, and have the setting's name already.
                    (_, Some(item)) if item > 0 => format!("item {} {}", item + 1, wrong.detail),
                    _ => wrong.detail,
                };
                self.refuse(place, detail);
            }
        }
    }

    /// Takes the machine's name, if it can be a node's.
    pub(super) fn host_name(&mut self, name: &str) {
        let index = settings::find("node", "name").expect("the table has node.name");
        if text::set_node(&mut self.config, name).is_ok() {
            self.places[index] = Place::HostName;
        }
    }

    /// Takes the number of descriptors that the process may have: each session is one.
    pub(super) fn descriptors(&mut self, descriptors: usize) {
        let index = settings::find("limits", "sessions").expect("the table has limits.sessions");
        let sessions = sessions_max(descriptors);
        self.config.limits.sessions = sessions.min(self.config.limits.sessions);
        self.places[index] = Place::Descriptors;
        self.descriptors = Some(descriptors);
    }

    /// Takes an API key.
    pub(super) fn key(&mut self, name: &str, scope: Scope, secret: &Secret<'_>, place: Place) {
        if let Some(other) = self.keys.iter().find(|key| key.name == name) {
            let detail = format!("there is already a key named {name:?}, from {}", other.place);
            return self.refuse(place, detail);
        }
        match secret.key(name, self.read) {
            Ok(key) => {
                let mut others = self.config.keys.iter();
                if let Some(other) = others.find(|k| k.is_alike(&key) && k.scope() != scope) {
                    let detail =
                        format!("the secret is that of {:?}, whose scope is another", other.name());
                    return self.refuse(place, detail);
                }
                self.config.keys.push(key.with_scope(scope));
                let (name, secret) = (name.to_owned(), secret.shown());
                self.keys.push(Keyed { name, scope, secret, place });
            }
            Err(detail) => self.refuse(place, detail),
        }
    }

    /// The configuration, if nothing was wrong.
    pub(super) fn finish(mut self) -> Result<Effective, Vec<Invalid>> {
        if self.invalid.is_empty() {
            self.read_engine_url();
        }
        if self.invalid.is_empty() {
            let relations = RELATIONS.iter().filter_map(|relation| self.broken(relation));
            let others = [self.too_many_sessions(), self.two_on_one_address(), self.unusable_tls()];
            self.invalid = relations.chain(others.into_iter().flatten()).collect();
        }
        if self.invalid.is_empty() {
            Ok(Effective { config: self.config, places: self.places, keys: self.keys })
        } else {
            Err(self.invalid)
        }
    }

    /// Takes the engine's URL from its file, if there is one.
    fn read_engine_url(&mut self) {
        let Some(file) = self.config.engine.url_file.clone() else { return };
        let [at, file_at] = ["url", "url_file"]
            .map(|key| settings::find("engine", key).expect("the table has both"));
        let (url, in_file) = (self.places[at].clone(), self.places[file_at].clone());
        let refused = match (self.read)(&file) {
            _ if url != Place::Default => {
                Some(format!("engine.url_file: there is an engine.url already, from {url}"))
            }
            Err(error) => Some(format!("cannot read {}: {error}", file.display())),
            Ok(text) => text::set_engine_url(&mut self.config, &[text.trim()])
                .err()
                .map(|(_, detail)| format!("what is in {} {detail}", file.display())),
        };
        match refused {
            Some(detail) => self.refuse(in_file, detail),
            None => self.places[at] = Place::UrlFile(file),
        }
    }

    fn broken(&self, relation: &Relation) -> Option<Invalid> {
        let (smaller, larger) = (self.number(relation.smaller), self.number(relation.larger));
        if smaller.number.saturating_mul(relation.share) <= larger.number {
            return None;
        }
        let share = match relation.share {
            1 => "at most".to_owned(),
            2 => "at most half of".to_owned(),
            share => format!("at most 1/{share} of"),
        };
        // The smaller is to blame if it was said at all; the other's place stands behind it.
        let (place, first, second) = match smaller.place {
            Place::Default => (larger.place, format!(", {}", smaller.place), String::new()),
            Place::HostName
            | Place::Descriptors
            | Place::Line { .. }
            | Place::UrlFile(_)
            | Place::Variable(_)
            | Place::Flag(_) => (smaller.place, String::new(), format!(", {}", larger.place)),
        };
        let detail = format!(
            "{} ({}{first}) must be {share} {} ({}{second})",
            smaller.path, smaller.text, larger.path, larger.text
        );
        Some(Invalid { place: place.clone(), detail })
    }

    /// What is wrong with the certificate or its key, if there is to be one.
    fn unusable_tls(&self) -> Option<Invalid> {
        let files = self.config.tls.as_ref()?;
        let place = |key| {
            let index = settings::find("tls", key).expect("the table has both files");
            self.places[index].clone()
        };
        let (given, missing) = match (place("cert_file"), place("key_file")) {
            (given, Place::Default) => (given, "key_file"),
            (Place::Default, given) => (given, "cert_file"),
            (cert, key) => {
                let unusable = files.pair(self.read).err()?;
                let place = match unusable.which {
                    Which::Cert => cert,
                    Which::Key => key,
                };
                return Some(Invalid { place, detail: unusable.to_string() });
            }
        };
        let detail = format!("a certificate and its key go together; tls.{missing} is not set");
        Some(Invalid { place: given, detail })
    }

    fn too_many_sessions(&self) -> Option<Invalid> {
        let (sessions, descriptors) = (self.config.limits.sessions, self.descriptors?);
        let max = sessions_max(descriptors);
        let detail = format!(
            "limits.sessions ({sessions}) must be at most {max}: the process may have \
             {descriptors} descriptors (ulimit -n), and keeps {} of them for other things",
            limit::DESCRIPTORS_KEPT
        );
        (sessions > max).then(|| self.about(("limits", "sessions"), detail))
    }

    fn two_on_one_address(&self) -> Option<Invalid> {
        // Port 0 is any free one, and another each time.
        let mut own = self.config.api_listen.iter().filter(|address| address.port() != 0);
        let both = own.find(|address| self.config.listen.contains(address))?;
        let detail = format!("api.listen must be another address than listen, which has {both}");
        Some(self.about(("api", "listen"), detail))
    }

    fn about(&self, (section, key): (&str, &str), detail: String) -> Invalid {
        let index = settings::find(section, key).expect("the table has it");
        Invalid { place: self.places[index].clone(), detail }
    }

    fn number(&self, (section, key): (&str, &str)) -> Number<'_> {
        let index = settings::find(section, key).expect("relations name settings");
        let setting = &SETTINGS[index];
        let (unit, number): (Unit, u64) =
            setting.number(&self.config).expect("relations are between numbers");
        let (path, text) = (setting.path(), unit.format(number));
        Number { number, path, text, place: &self.places[index] }
    }
}

/// How many of its descriptors a process may give to sessions.
fn sessions_max(descriptors: usize) -> usize {
    descriptors.saturating_sub(limit::DESCRIPTORS_KEPT).max(1)
}

struct Number<'a> {
    number: u64,
    path: String,
    text: String,
    place: &'a Place,
}
