//! Way: calls go to the server that keeps their partition.

use std::sync::Arc;

use protocol::partition::Partition;
use redis::{Cmd, FromRedisValue, Pipeline, Script};

use super::{Redis, host::Host, link::Fault};

/// Keys of a script, and its words.
pub(super) type Call = (Vec<String>, Vec<String>);

impl Redis {
    /// The server that keeps a partition.
    fn keeper_of(&self, partition: Partition) -> Result<Arc<Host>, Fault> {
        self.atlas.host(partition).ok_or(Fault::NotDone)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        partition: Partition,
        script: &Script,
        keys: &[String],
        words: &[&str],
    ) -> Result<T, Fault> {
        self.keeper_of(partition)?.link.run(script, keys, words).await
    }

    /// Runs one command.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        partition: Partition,
        command: &Cmd,
    ) -> Result<T, Fault> {
        self.keeper_of(partition)?.link.ask(command).await
    }

    /// Runs commands in one go.
    pub(super) async fn pipe<T: FromRedisValue>(
        &self,
        partition: Partition,
        commands: &Pipeline,
    ) -> Result<T, Fault> {
        self.keeper_of(partition)?.link.pipe(commands).await
    }

    /// Runs a command in each of several partitions; the answers come in the same order.
    pub(super) async fn each<T: FromRedisValue>(
        &self,
        script: Option<&Script>,
        commands: &[(Partition, Cmd)],
    ) -> Vec<Result<T, Fault>> {
        let mut answers: Vec<Result<T, Fault>> =
            commands.iter().map(|_| Err(Fault::NotDone)).collect();
        for host in self.atlas.hosts() {
            let is_there = |partition| {
                self.atlas.host(partition).is_some_and(|keeper| Arc::ptr_eq(&keeper, &host))
            };
            let here: Vec<usize> =
                (0..commands.len()).filter(|at| is_there(commands[*at].0)).collect();
            let some: Vec<&Cmd> = here.iter().map(|at| &commands[*at].1).collect();
            for (at, answer) in here.into_iter().zip(host.link.each(script, &some).await) {
                answers[at] = answer;
            }
        }
        answers
    }

    /// Runs a script in each of several partitions, with other keys and words each time.
    pub(super) async fn run_all<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: impl IntoIterator<Item = (Partition, Call)>,
    ) -> Result<Vec<T>, Fault> {
        let calls = calls.into_iter().map(|(partition, call)| (partition, evaluate(script, &call)));
        let calls: Vec<(Partition, Cmd)> = calls.collect();
        self.each(Some(script), &calls).await.into_iter().collect()
    }

    /// Publishes what may be lost, and waits for nothing.
    pub(super) fn say(&self, partition: Partition, inbox: &str, text: &str) {
        if let Ok(host) = self.keeper_of(partition) {
            host.link.say(inbox, text);
        }
    }
}

/// The command that runs a script, where it is known.
pub(super) fn evaluate(script: &Script, (keys, words): &Call) -> Cmd {
    let mut call = redis::cmd("EVALSHA");
    call.arg(script.get_hash()).arg(keys.len()).arg(keys).arg(words);
    call
}
