//! Line: a socket to Redis, a question and an answer at a time, in RESP2.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::unreachable;
use crate::failure::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The port of Redis, where a URL has none.
const PORT: u16 = 6379;

/// Where Redis is, and who may ask it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Host and port.
    address: String,
    /// The name, which may be empty, and the password.
    login: Option<(String, String)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl fmt::Debug for Place {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.address).finish_non_exhaustive()
    }
}

impl Place {
    /// One that asks for no password.
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { address: address.to_string(), login: None }
    }

    /// Reads `redis://[user[:password]@]host[:port]`, as the nodes do.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = || Failure::usage("--engine must be redis://host:port to be measured");
        let rest = url.strip_prefix("redis://").ok_or_else(wrong)?.trim_end_matches('/');
        let (login, host) = match rest.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, rest),
        };
        if host.is_empty() || host.contains(['/', '?', ',', '%']) {
            return Err(wrong());
        }
        let login = login.map(|login| {
            let (name, password) = login.split_once(':').unwrap_or((login, ""));
            (name.to_owned(), password.to_owned())
        });
        // One with escapes would have to be read as the nodes read it.
        if login.as_ref().is_some_and(|(name, password)| format!("{name}{password}").contains('%'))
        {
            return Err(Failure::usage("a password with % in it cannot be used here"));
        }
        // Colons of an IPv6 address stand in brackets.
        let port = host.rsplit(']').next().and_then(|rest| rest.rsplit_once(':'));
        let has_port = port.is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
        Ok(Self { address, login })
    }

    /// Host and port.
    pub(super) fn address(&self) -> (&str, &str) {
        self.address.rsplit_once(':').unwrap_or((&self.address, ""))
    }

    /// Whether it asks for a password.
    pub(super) fn has_password(&self) -> bool {
        self.login.is_some()
    }

    /// As the nodes are told of it.
    pub(super) fn url(&self) -> String {
        match &self.login {
            None => format!("redis://{}", self.address),
            Some((name, password)) => format!("redis://{name}:{password}@{}", self.address),
        }
    }
}

/// What Redis answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Text(String),
    Nothing,
    List(Vec<Self>),
}

impl Reply {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::List(_) => None,
        }
    }
}

/// A socket to Redis.
#[derive(Debug)]
pub(super) struct Line {
    socket: BufReader<TcpStream>,
    place: Place,
}

impl Line {
    pub(super) fn open(place: &Place) -> Result<Self, Failure> {
        let socket = TcpStream::connect(&place.address).map_err(|e| unreachable(place, &e))?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(Failure::failed)?;
        socket.set_nodelay(true).map_err(Failure::failed)?;
        let mut this = Self { socket: BufReader::new(socket), place: place.clone() };
        match &place.login {
            None => {}
            Some((name, password)) if name.is_empty() => drop(this.ask(&["AUTH", password])?),
            Some((name, password)) => drop(this.ask(&["AUTH", name, password])?),
        }
        this.ask(&["PING"])?;
        Ok(this)
    }

    /// Asks one thing.
    pub(super) fn ask(&mut self, words: &[&str]) -> Result<Reply, Failure> {
        self.say(words).map_err(|error| unreachable(&self.place, &error))?;
        match self.next() {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(refusal)) => {
                Err(Failure::failed(format!("Redis at {} says: {refusal}", self.place)))
            }
            Err(error) => Err(unreachable(&self.place, &error)),
        }
    }

    /// Asks what has a text as its answer.
    pub(super) fn text(&mut self, words: &[&str]) -> Result<String, Failure> {
        match self.ask(words)? {
            Reply::Text(text) => Ok(text),
            Reply::Nothing | Reply::List(_) => {
                Err(Failure::failed(format!("Redis at {} answers something else", self.place)))
            }
        }
    }

    fn say(&mut self, words: &[&str]) -> io::Result<()> {
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.socket.get_mut().write_all(text.as_bytes())
    }

    /// The next thing that Redis says: an answer, or why there is none.
    pub(super) fn next(&mut self) -> io::Result<Result<Reply, String>> {
        let mut head = String::new();
        self.socket.read_line(&mut head)?;
        let head = head.trim_end();
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is not Redis");
        let (kind, rest) = head.split_at_checked(1).ok_or_else(wrong)?;
        let count = || rest.parse::<i64>().ok().ok_or_else(wrong);
        match kind {
            "+" | ":" => Ok(Ok(Reply::Text(rest.to_owned()))),
            "-" => Ok(Err(rest.to_owned())),
            "$" => match usize::try_from(count()?) {
                Err(_) => Ok(Ok(Reply::Nothing)),
                Ok(length) => {
                    let mut text = vec![0; length + 2];
                    self.socket.read_exact(&mut text)?;
                    text.truncate(length);
                    Ok(Ok(Reply::Text(String::from_utf8_lossy(&text).into_owned())))
                }
            },
            "*" => {
                let mut parts = Vec::new();
                for _ in 0..count()? {
                    match self.next()? {
                        Ok(part) => parts.push(part),
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                }
                Ok(Ok(Reply::List(parts)))
            }
            _ => Err(wrong()),
        }
    }
}
