//! Shape: how many servers there are and how they are found, as the engine's URL says.
//!
//! | URL | Servers |
//! |---|---|
//! | `redis://host:port` | one |
//! | `redis://a:port redis://b:port` | several that know nothing of each other |
//! | `redis+sentinel://h1:p1,h2:p2/name` | the one that Sentinels call by that name |
//! | `redis+cluster://h1:p1,h2:p2` | those of a Redis Cluster, of which some are named |
//!
//! With `rediss` in place of `redis` all of it speaks TLS. Not here: who keeps which partition.

use std::fmt;

use redis::{
    ConnectionAddr::{self, Tcp, TcpTls},
    IntoConnectionInfo,
};

/// Where Redis and its Sentinels are, unless it is said.
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// As whom to come, and with which password.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: Option<Box<str>>,
    pub(super) password: Option<Box<str>>,
}

impl fmt::Debug for Account {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The way into one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) host: Box<str>,
    pub(super) port: u16,
    /// Whether it speaks TLS.
    pub(super) secure: bool,
    pub(super) account: Account,
}

/// Which servers there are.
#[derive(Clone, PartialEq, Eq)]
pub enum Shape {
    /// One, or several that know nothing of each other.
    Servers(Doors),
    /// One that Sentinels know, who are asked where it is each time.
    Sentinel(Sentinels),
    /// A Redis Cluster, of which these are known.
    Cluster(Doors),
}

/// Ways into servers, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors(pub(super) Vec<Door>);

/// Who knows where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinels {
    pub(super) doors: Vec<Door>,
    /// What they call it.
    pub(super) name: Box<str>,
    /// As whom to come to the server itself.
    pub(super) account: Account,
}

/// Why it is no URL of an engine; nothing of what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// It has another form.
    #[error(
        "must be \"memory:\", \"redis://[user:password@]host:port\" or a list of them, \
         \"redis+sentinel://host:port,host:port/name\" or \"redis+cluster://host:port,host:port\"; \
         with \"rediss\" for TLS"
    )]
    Url,
    /// Databases share their pub/sub, and a Cluster has one.
    #[error("must name no database; give each set of nodes an engine.prefix of its own instead")]
    Database,
    /// What is special there ends the password too early.
    #[error(
        "must have what is special in its password in percents: %40 for @, %2F for /, %23 for #, \
         %3F for ?, %25 for %, %20 for a space"
    )]
    Percents,
    /// Sentinels know servers by names.
    #[error("must end with what the Sentinels call the server: redis+sentinel://host:port/name")]
    NoName,
    /// It would be asked for its partitions twice.
    #[error("must name each server once")]
    Twice,
}

/// What all servers of a URL have in common.
struct Scheme {
    text: &'static str,
    secure: bool,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Servers,
    Sentinel,
    Cluster,
}

const SCHEMES: [Scheme; 6] = [
    Scheme { text: "redis://", secure: false, form: Form::Servers },
    Scheme { text: "rediss://", secure: true, form: Form::Servers },
    Scheme { text: "redis+sentinel://", secure: false, form: Form::Sentinel },
    Scheme { text: "rediss+sentinel://", secure: true, form: Form::Sentinel },
    Scheme { text: "redis+cluster://", secure: false, form: Form::Cluster },
    Scheme { text: "rediss+cluster://", secure: true, form: Form::Cluster },
];

impl Shape {
    /// Reads a URL, or several with commas or spaces between them.
    ///
    /// # Errors
    /// Says what is wrong, and nothing of what it is.
    pub(crate) fn parse(text: &str) -> Result<Self, Misread> {
        let mut doors = Vec::new();
        for url in split(text) {
            let scheme = SCHEMES.iter().find(|scheme| url.starts_with(scheme.text));
            let scheme = scheme.ok_or(Misread::Url)?;
            let rest = &url[scheme.text.len()..];
            if ends_too_early(rest) {
                return Err(Misread::Percents);
            }
            match scheme.form {
                Form::Servers => doors.push(server(rest, scheme.secure)?),
                // There is one of those, and it is all.
                Form::Sentinel | Form::Cluster if url.len() != text.trim().len() => {
                    return Err(Misread::Url);
                }
                Form::Sentinel => return sentinel(rest, scheme.secure).map(Self::Sentinel),
                Form::Cluster => return cluster(rest, scheme.secure).map(Self::Cluster),
            }
        }
        let mut places: Vec<_> = doors.iter().map(|door| (&door.host, door.port)).collect();
        places.sort();
        places.dedup();
        match doors.len() {
            0 => Err(Misread::Url),
            all if places.len() < all => Err(Misread::Twice),
            _ => Ok(Self::Servers(Doors(doors))),
        }
    }

    /// What is kept with the partitions, so that no node takes one list of servers for another.
    pub(super) fn layout(&self) -> String {
        let layout = "usher 1, 256 partitions";
        match self {
            Self::Servers(Doors(doors)) if doors.len() > 1 => {
                let mut names: Vec<String> = doors.iter().map(ToString::to_string).collect();
                names.sort();
                format!("{layout} on {}", names.join(" "))
            }
            Self::Servers(_) | Self::Sentinel(_) | Self::Cluster(_) => layout.to_owned(),
        }
    }

    /// Its URLs, without what is secret.
    pub(crate) fn urls(&self) -> Vec<String> {
        let scheme = |door: &Door| if door.secure { "rediss" } else { "redis" };
        let one = |form: &str, doors: &[Door], end: &str| {
            let names: Vec<String> = doors.iter().map(ToString::to_string).collect();
            let scheme = doors.first().map_or("redis", scheme);
            vec![format!("{scheme}{form}://{}{end}", names.join(","))]
        };
        match self {
            Self::Servers(Doors(doors)) => {
                doors.iter().map(|door| format!("{}://{door}", scheme(door))).collect()
            }
            Self::Sentinel(Sentinels { doors, name, account: _ }) => {
                one("+sentinel", doors, &format!("/{name}"))
            }
            Self::Cluster(Doors(doors)) => one("+cluster", doors, ""),
        }
    }

    /// Whether servers lead from one to another.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

impl fmt::Display for Shape {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urls().join(","))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Door {
    /// Another server that is to be come to in the same way.
    pub(super) fn beside(&self, host: &str, port: u16) -> Self {
        Self { host: host.into(), port, ..self.clone() }
    }

    /// The same as the crate wants it.
    pub(super) fn address(&self) -> ConnectionAddr {
        let (host, port) = (self.host.to_string(), self.port);
        match self.secure {
            true => TcpTls { host, port, insecure: false, tls_params: None },
            false => Tcp(host, port),
        }
    }
}

/// URLs of a list. A comma or space is between two only where another one begins.
fn split(text: &str) -> Vec<&str> {
    let mut urls = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let begins = |at: &usize| {
            let next = rest[*at..].trim_start_matches([',', ' ', '\t', '\n']);
            next.len() < rest.len() - at && SCHEMES.iter().any(|one| next.starts_with(one.text))
        };
        let end = rest.match_indices([',', ' ', '\t', '\n']).map(|(at, _)| at).find(begins);
        let end = end.unwrap_or(rest.len());
        urls.push(&rest[..end]);
        rest = rest[end..].trim_start_matches([',', ' ', '\t', '\n']);
    }
    urls
}

/// Whether what stands before an `@` has something that ends a host.
fn ends_too_early(rest: &str) -> bool {
    // Sentinels may have a password of their own, behind all else.
    let rest = rest.split_once("?sentinel=").map_or(rest, |(rest, _)| rest);
    rest.split_once(['/', '?', '#', ' ']).is_some_and(|(_, after)| after.contains('@'))
}

/// What stands before a path, of which there must be none.
fn without_database(rest: &str) -> Result<&str, Misread> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match path {
        "" => Ok(authority),
        path if path.contains(['?', '#']) => Err(Misread::Url),
        _ => Err(Misread::Database),
    }
}

fn server(rest: &str, secure: bool) -> Result<Door, Misread> {
    let (account, place) = account(without_database(rest)?)?;
    door(place, PORT, secure, &account)
}

fn cluster(rest: &str, secure: bool) -> Result<Doors, Misread> {
    let (account, places) = account(without_database(rest)?)?;
    let doors = places.split(',').map(|place| door(place, PORT, secure, &account));
    doors.collect::<Result<_, _>>().map(Doors)
}

fn sentinel(rest: &str, secure: bool) -> Result<Sentinels, Misread> {
    let (authority, path) = rest.split_once('/').ok_or(Misread::NoName)?;
    let (name, query) = path.split_once('?').unwrap_or((path, ""));
    if name.contains('/') {
        return Err(Misread::Database);
    }
    if name.is_empty() {
        return Err(Misread::NoName);
    }
    // Those who guard the server may want another password than it does.
    let guards = match query {
        "" => Account::default(),
        query => {
            let guards = query.strip_prefix("sentinel=").ok_or(Misread::Url)?;
            account(&format!("{guards}@h"))?.0
        }
    };
    let (account, places) = account(authority)?;
    let doors = places.split(',').map(|place| door(place, SENTINEL_PORT, secure, &guards));
    Ok(Sentinels { doors: doors.collect::<Result<_, _>>()?, name: name.into(), account })
}

/// Who comes, and what is behind that.
fn account(authority: &str) -> Result<(Account, &str), Misread> {
    let Some((user, places)) = authority.rsplit_once('@') else {
        return Ok((Account::default(), authority));
    };
    // The crate's own reading of what is written in percents.
    let info = format!("redis://{user}@h").into_connection_info().or(Err(Misread::Url))?;
    let settings = info.redis_settings();
    let account = Account {
        user: settings.username().map(Into::into),
        password: settings.password().map(Into::into),
    };
    Ok((account, places))
}

fn door(place: &str, port: u16, secure: bool, account: &Account) -> Result<Door, Misread> {
    let info = format!("redis://{place}").into_connection_info().or(Err(Misread::Url))?;
    let Tcp(host, said) = info.addr() else { return Err(Misread::Url) };
    let says = place.rsplit_once(':').is_some_and(|(_, end)| !end.ends_with(']'));
    let port = if says { *said } else { port };
    if place.is_empty() || place.contains(['?', '#', '@', '/']) {
        return Err(Misread::Url);
    }
    Ok(Door { host: host.as_str().into(), port, secure, account: account.clone() })
}

#[cfg(test)]
mod tests;
