//! Link: the connection to Redis, and what an answer that does not come means.
//!
//! One connection carries the steps of all callers at once. While there is none, nothing is done.
//! An answer that was lost on the way leaves unknown whether the step was taken; an error that
//! Redis gives before it begins a script says that it was not.

use std::sync::{Mutex, PoisonError};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline,
    ProtocolVersion, PushInfo, RedisError, RedisResult, Script, ServerErrorKind,
    aio::MultiplexedConnection,
};
use tokio::sync::Notify;

use super::{
    options::{Options, Refused},
    script,
};
use crate::contract::Failed;

/// Steps that wait for the connection to take them; more callers wait before it.
const WAITING_MAX: usize = 1024;

/// The layout of keys: another number is another layout, which no version of ours reads by mistake.
const LAYOUT: &str = "usher 1, 256 partitions";

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was not done.
    NotDone,
    /// It may have been done.
    Unknown,
    /// Something is kept there that is not ours.
    Foreign,
}

impl Fault {
    /// Where nothing was to change, nothing has.
    pub(super) fn of_look(self) -> Failed {
        match self {
            Self::NotDone | Self::Unknown | Self::Foreign => Failed::NotDone,
        }
    }

    /// Where something was to change.
    pub(super) fn of_change(self) -> Failed {
        match self {
            Self::NotDone => Failed::NotDone,
            Self::Unknown | Self::Foreign => Failed::Unknown,
        }
    }
}

impl From<&RedisError> for Fault {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::NoScript
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::TryAgain
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::NoPerm,
            ) => Self::NotDone,
            ErrorKind::Server(_) | ErrorKind::Extension => match error.code() {
                // Redis refuses the first write of a script with these, and not a later one.
                Some("OOM" | "MISCONF" | "NOREPLICAS" | "NOAUTH" | "WRONGPASS" | "BUSY") => {
                    Self::NotDone
                }
                _ => Self::Unknown,
            },
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Foreign,
            _ => Self::Unknown,
        }
    }
}

/// The connection that is used now, with its number.
type Current = Option<(u64, MultiplexedConnection)>;

/// The way to Redis.
pub(super) struct Link {
    place: Client,
    config: AsyncConnectionConfig,
    at: String,
    current: Mutex<Current>,
    lost: Notify,
}

impl Link {
    /// Knows where Redis is; connects to nobody yet.
    pub(super) fn new(options: &Options) -> Result<Self, Refused> {
        let info = options.url.as_str().into_connection_info().or(Err(Refused::Url))?;
        if info.redis_settings().db() != 0 {
            return Err(Refused::Database);
        }
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let at = info.addr().to_string();
        let place = Client::open(info.set_redis_settings(settings)).or(Err(Refused::Url))?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.patience))
            .set_response_timeout(Some(options.patience))
            .set_pipeline_buffer_size(WAITING_MAX);
        Ok(Self { place, config, at, current: Mutex::default(), lost: Notify::new() })
    }

    /// Connects, and looks whether this Redis can be used. `layout` is the key of its layout.
    pub(super) async fn connect(&self, layout: &str) -> Result<(), Refused> {
        let connected = self.place.get_multiplexed_async_connection_with_config(&self.config).await;
        let mut line = connected.map_err(|error| self.refused(&error))?;
        self.judge(&mut line, layout).await?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let number = current.as_ref().map_or(0, |(number, _)| *number) + 1;
        *current = Some((number, line));
        Ok(())
    }

    /// Connects once more, for what Redis sends unasked.
    pub(super) async fn listen(
        &self,
        hear: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Fault> {
        let config = self.config.clone().set_push_sender(hear);
        let connected = self.place.get_multiplexed_async_connection_with_config(&config).await;
        connected.or(Err(Fault::NotDone))
    }

    async fn judge(
        &self,
        connection: &mut MultiplexedConnection,
        layout: &str,
    ) -> Result<(), Refused> {
        let at = self.at.clone();
        let mut info = String::new();
        for section in ["server", "replication", "memory"] {
            let answer = redis::cmd("INFO").arg(section).query_async::<String>(connection).await;
            info += &answer.map_err(|error| self.refused(&error))?;
        }
        let said = |name: &str| {
            let mut lines = info.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or_default().trim().to_owned()
        };
        let version = said("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            return Err(Refused::TooOld { at, version });
        }
        if said("role") != "master" {
            return Err(Refused::Replica { at });
        }
        let policy = said("maxmemory_policy");
        if policy != "noeviction" {
            return Err(Refused::Evicts { at, policy });
        }
        let mut set = redis::cmd("SET");
        set.arg(layout).arg(LAYOUT).arg("NX").arg("GET");
        let found = set.query_async::<Option<String>>(connection).await;
        let found = found.map_err(|error| self.refused(&error))?;
        if let Some(found) = found.filter(|found| found != LAYOUT) {
            let (key, expected) = (layout.to_owned(), LAYOUT.to_owned());
            let found = found.chars().take(80).collect();
            return Err(Refused::Layout { at, key, found, expected });
        }
        for script in script::all() {
            script.load_async(connection).await.map_err(|error| self.refused(&error))?;
        }
        Ok(())
    }

    /// What an error says of this Redis.
    pub(super) fn refused(&self, error: &RedisError) -> Refused {
        let at = self.at.clone();
        let why = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            (None, Some(detail)) => detail.to_owned(),
            (_, None) => error.category().to_owned(),
        };
        match error.kind() {
            ErrorKind::AuthenticationFailed => Refused::Password { at, why },
            ErrorKind::Io => Refused::Unreachable { at, why: error.to_string() },
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Refused::Replica { at },
            _ => match error.code() {
                Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Refused::Password { at, why },
                _ => Refused::Unfit { at, why },
            },
        }
    }

    /// Whether there is a connection, as far as anybody noticed.
    pub(super) fn is_there(&self) -> bool {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Returns when somebody found the connection lost.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Gives the connection up, if it is still that one.
    fn lose(&self, number: u64) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|(now, _)| *now == number) {
            *current = None;
            self.lost.notify_one();
        }
    }

    /// Gives up whatever connection there is: it does not answer.
    pub(super) fn give_up(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn current(&self) -> Result<(u64, MultiplexedConnection), Fault> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.clone().ok_or(Fault::NotDone)
    }

    fn noted<T>(&self, number: u64, answer: Result<T, RedisError>) -> Result<T, Fault> {
        answer.map_err(|error| {
            if error.is_unrecoverable_error() && !error.is_timeout() {
                self.lose(number);
            }
            Fault::from(&error)
        })
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        words: &[&str],
    ) -> Result<T, Fault> {
        let (number, mut connection) = self.current()?;
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(key);
        }
        for word in words {
            call.arg(word);
        }
        let answer = call.invoke_async(&mut connection).await;
        self.noted(number, answer)
    }

    /// Runs several commands in one go, each for itself; `script` is what they call.
    pub(super) async fn each<T: FromRedisValue>(
        &self,
        script: Option<&Script>,
        commands: &[&Cmd],
    ) -> Vec<Result<T, Fault>> {
        let fail = |fault| commands.iter().map(|_| Err(fault)).collect();
        let mut answers = match self.try_each(commands).await {
            Ok(answers) => answers,
            Err(fault) => return fail(fault),
        };
        let unknown: Vec<usize> =
            (0..answers.len()).filter(|at| is_unknown(&answers[*at])).collect();
        if let Some(script) = script.filter(|_| !unknown.is_empty()) {
            // The scripts were flushed.
            if let Err(fault) = self.load(script).await {
                return fail(fault);
            }
            let again: Vec<&Cmd> = unknown.iter().map(|at| commands[*at]).collect();
            match self.try_each(&again).await {
                Ok(new) => unknown.into_iter().zip(new).for_each(|(at, new)| answers[at] = new),
                Err(fault) => return fail(fault),
            }
        }
        answers.into_iter().map(|answer| answer.map_err(|error| Fault::from(&error))).collect()
    }

    async fn try_each<T: FromRedisValue>(
        &self,
        commands: &[&Cmd],
    ) -> Result<Vec<RedisResult<T>>, Fault> {
        let mut pipeline = Pipeline::new();
        for command in commands {
            pipeline.add_command((*command).clone());
        }
        pipeline.ignore_errors();
        let answers: Vec<RedisResult<T>> = self.pipe(&pipeline).await?;
        if answers.len() == commands.len() { Ok(answers) } else { Err(Fault::Foreign) }
    }

    async fn load(&self, script: &Script) -> Result<(), Fault> {
        let (number, mut connection) = self.current()?;
        let loaded = script.load_async(&mut connection).await;
        self.noted(number, loaded).map(drop)
    }

    /// Runs commands in one go.
    pub(super) async fn pipe<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Fault> {
        if commands.is_empty() {
            return T::from_redis_value(redis::Value::Array(Vec::new())).or(Err(Fault::Foreign));
        }
        let (number, mut connection) = self.current()?;
        let answer = commands.query_async(&mut connection).await;
        self.noted(number, answer)
    }

    /// Publishes what may be lost, and waits for nothing.
    pub(super) fn say(&self, inbox: &str, text: &str) {
        let Ok((_, mut line)) = self.current() else { return };
        let mut publish = redis::cmd("SPUBLISH");
        publish.arg(inbox).arg(text);
        tokio::spawn(async move { publish.exec_async(&mut line).await });
    }

    /// Runs one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let (number, mut connection) = self.current()?;
        let answer = command.query_async(&mut connection).await;
        self.noted(number, answer)
    }
}

fn is_unknown<T>(answer: &RedisResult<T>) -> bool {
    let no_script = ErrorKind::Server(ServerErrorKind::NoScript);
    answer.as_ref().is_err_and(|error| error.kind() == no_script)
}
