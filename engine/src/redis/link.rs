//! Link: the connection to Redis, and what an answer that does not come means.
//!
//! One connection carries the steps of all callers at once. While there is none, nothing is done.
//! An answer that was lost on the way leaves unknown whether the step was taken; an error that
//! Redis gives before it begins a script says that it was not.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, PushInfo, RedisError, RedisResult, Script,
    ServerErrorKind, aio::MultiplexedConnection,
};
use tokio::{sync::Notify, time::Instant};

use super::{
    dial::{self, Dial},
    judge::Judge,
    options::Refused,
    pulse::Pulse,
    seek::Seek,
    shape::Door,
};
use crate::contract::Failed;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was not done.
    NotDone,
    /// It was not done: memory is full.
    Full,
    /// It was not done here, and may be done soon, here or elsewhere: what it is about is moving.
    Moving,
    /// It may have been done.
    Unknown,
    /// Something is kept there that is not ours.
    Foreign,
}

impl Fault {
    /// Where nothing was to change, nothing has.
    pub(super) fn of_look(self) -> Failed {
        match self {
            Self::NotDone | Self::Full | Self::Moving | Self::Unknown | Self::Foreign => {
                Failed::NotDone
            }
        }
    }

    /// Of a step that looks before it changes anything.
    pub(super) fn before_change(self) -> Self {
        match self {
            Self::NotDone | Self::Full | Self::Moving | Self::Unknown => Self::NotDone,
            Self::Foreign => Self::Foreign,
        }
    }

    /// Of a step that has looked.
    pub(super) fn in_change(self) -> Self {
        match self {
            Self::NotDone | Self::Moving => Self::NotDone,
            Self::Full => Self::Full,
            Self::Unknown | Self::Foreign => Self::Unknown,
        }
    }

    /// Of a whole step: where it could not read it changed nothing.
    pub(super) fn of_step(self) -> Failed {
        match self {
            Self::NotDone | Self::Moving | Self::Foreign => Failed::NotDone,
            Self::Full => Failed::Full,
            Self::Unknown => Failed::Unknown,
        }
    }

    /// Where something was to change.
    pub(super) fn of_change(self) -> Failed {
        self.in_change().of_step()
    }
}

impl From<&RedisError> for Fault {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(
                ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::TryAgain,
            ) => Self::Moving,
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::NoScript
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::CrossSlot
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ReadOnly
                | ServerErrorKind::NoPerm,
            ) => Self::NotDone,
            ErrorKind::Server(_) | ErrorKind::Extension => match error.code() {
                Some("WRONGTYPE") => Self::Foreign,
                // Redis refuses the first write of a script with these, and not a later one.
                Some("OOM") => Self::Full,
                Some("MISCONF" | "NOREPLICAS" | "NOAUTH" | "WRONGPASS" | "BUSY") => Self::NotDone,
                _ => Self::Unknown,
            },
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Foreign,
            _ => Self::Unknown,
        }
    }
}

/// The connection that is used now, with its number.
type Current = Option<(u64, MultiplexedConnection)>;

/// The way to a server.
pub(super) struct Link {
    dial: Arc<Dial>,
    seek: Seek,
    /// Where it was found last.
    at: Mutex<Door>,
    current: Mutex<Current>,
    /// When it was connected to last.
    since: Mutex<Option<Instant>>,
    /// How many there were.
    count: AtomicU64,
    lost: Notify,
    /// Answers that come by it.
    pulse: Pulse,
}

impl Link {
    /// Connects to nobody yet.
    pub(super) fn new(dial: Arc<Dial>, seek: Seek) -> Self {
        let at = Mutex::new(seek.hint());
        Self {
            dial,
            seek,
            at,
            current: Mutex::default(),
            since: Mutex::default(),
            count: AtomicU64::new(0),
            lost: Notify::new(),
            pulse: Pulse::default(),
        }
    }

    /// Where it is, or who knows.
    pub(super) fn door(&self) -> Door {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connects, and looks whether the server can be used; tells whether nothing of ours was there.
    pub(super) async fn connect(&self, judge: &Judge) -> Result<bool, Refused> {
        let door = self.seek.find(&self.dial).await?;
        let mut line = self.dial.to(&door).await?;
        let is_new = judge.look(&door, &mut line).await?;
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = door;
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, line));
        Ok(is_new)
    }

    /// Whether it has been connected to since before then, and so is what it was.
    pub(super) fn is_there_since(&self, time: Instant) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_there() && since.is_some_and(|since| since < time)
    }

    /// Connects once more, for what the server sends unasked.
    pub(super) async fn listen(
        &self,
        hear: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Fault> {
        self.dial.listen(&self.door(), hear).await.or(Err(Fault::NotDone))
    }

    /// What an error says of this server.
    pub(super) fn refused(&self, error: &RedisError) -> Refused {
        dial::refused(&self.door(), error)
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
        if answer.as_ref().is_err_and(RedisError::is_timeout) {
            return Err(Fault::Unknown);
        }
        self.pulse.beat();
        answer.map_err(|error| {
            let read_only = ErrorKind::Server(ServerErrorKind::ReadOnly);
            let is_lost = error.is_unrecoverable_error();
            // It was a primary; another is, or will be.
            if is_lost || error.kind() == read_only {
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
        let answers = async {
            let (number, mut line) = self.current()?;
            let answers = each(&mut line, script, commands).await;
            self.noted(number, answers)
        };
        answers.await.unwrap_or_else(|fault| commands.iter().map(|_| Err(fault)).collect())
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

    /// Runs one command, and waits for its answer as long as any come, at most for `most`.
    pub(super) async fn ask_in_time<T: FromRedisValue>(
        &self,
        command: &Cmd,
        most: Duration,
    ) -> Result<T, Fault> {
        let (number, mut line) = self.current()?;
        line.set_response_timeout(most);
        match self.pulse.carries(most, command.query_async(&mut line)).await {
            Some(answer) => self.noted(number, answer),
            None => {
                self.lose(number);
                Err(Fault::Unknown)
            }
        }
    }

    /// Runs one command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Fault> {
        let (number, mut connection) = self.current()?;
        let answer = command.query_async(&mut connection).await;
        self.noted(number, answer)
    }
}

/// Runs several commands in one go, each for itself; `script` is what they call.
pub(super) async fn each<T: FromRedisValue>(
    line: &mut MultiplexedConnection,
    script: Option<&Script>,
    commands: &[&Cmd],
) -> RedisResult<Vec<Result<T, Fault>>> {
    let mut answers = try_each(line, commands).await?;
    let unknown: Vec<usize> = (0..answers.len()).filter(|at| is_unknown(&answers[*at])).collect();
    if let Some(script) = script.filter(|_| !unknown.is_empty()) {
        // The scripts were flushed.
        script.load_async(line).await?;
        let again: Vec<&Cmd> = unknown.iter().map(|at| commands[*at]).collect();
        let new = try_each(line, &again).await?;
        unknown.into_iter().zip(new).for_each(|(at, new)| answers[at] = new);
    }
    Ok(answers.into_iter().map(|answer| answer.map_err(|error| Fault::from(&error))).collect())
}

async fn try_each<T: FromRedisValue>(
    line: &mut MultiplexedConnection,
    commands: &[&Cmd],
) -> RedisResult<Vec<RedisResult<T>>> {
    let mut pipeline = Pipeline::new();
    for command in commands {
        pipeline.add_command((*command).clone());
    }
    let answers: Vec<RedisResult<T>> = pipeline.ignore_errors().query_async(line).await?;
    match answers.len() == commands.len() {
        true => Ok(answers),
        false => Err((ErrorKind::UnexpectedReturnType, "each command has an answer").into()),
    }
}

fn is_unknown<T>(answer: &RedisResult<T>) -> bool {
    let no_script = ErrorKind::Server(ServerErrorKind::NoScript);
    answer.as_ref().is_err_and(|error| error.kind() == no_script)
}
