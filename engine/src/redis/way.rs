//! Way: calls go to the server that keeps their partition.
//!
//! While a slot of a Cluster moves, what is asked of it is refused, or leads elsewhere. Nothing was
//! done then, so it is tried again for a while, wherever the partition is by then. What may have been
//! done is never tried again here.

use std::{sync::Arc, time::Duration};

use protocol::partition::Partition;
use redis::{Cmd, FromRedisValue, Pipeline, Script};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};

use super::{Redis, host::Host, link::Fault};

/// Between two tries, and how many there are: in all about as long as a small slot takes to move.
const PAUSE: Duration = Duration::from_millis(50);
const TRIES: usize = 100;

/// Keys of a script, and its words.
pub(super) type Call = (Vec<String>, Vec<String>);

impl Redis {
    /// The server that keeps a partition.
    fn keeper_of(&self, partition: Partition) -> Result<Arc<Host>, Fault> {
        self.atlas.host(partition).ok_or_else(|| {
            self.atlas.doubt();
            Fault::NotDone
        })
    }

    /// Waits until the server that keeps a partition may be asked for one step more.
    pub(super) async fn begin_step(
        &self,
        partition: Partition,
    ) -> Result<OwnedSemaphorePermit, Fault> {
        let steps = Arc::clone(&self.keeper_of(partition)?.steps);
        match timeout(self.patience, steps.acquire_owned()).await {
            Ok(Ok(step)) => Ok(step),
            Ok(Err(_)) | Err(_) => Err(Fault::NotDone),
        }
    }

    /// A partition moves, or has moved.
    async fn wait(&self) {
        self.atlas.doubt();
        sleep(PAUSE).await;
    }

    /// Asks the server that keeps a partition, and again for as long as it moves.
    async fn insist<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        partition: Partition,
        ask: impl Fn(Arc<Host>) -> F,
    ) -> Result<T, Fault> {
        for _ in 0..TRIES {
            match ask(self.keeper_of(partition)?).await {
                Err(Fault::Moving) => self.wait().await,
                answer => return answer,
            }
        }
        Err(Fault::NotDone)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        partition: Partition,
        script: &Script,
        keys: &[String],
        words: &[&str],
    ) -> Result<T, Fault> {
        self.insist(partition, |host| async move { host.link.run(script, keys, words).await }).await
    }

    /// Runs one command.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        partition: Partition,
        command: &Cmd,
    ) -> Result<T, Fault> {
        self.insist(partition, |host| async move { host.link.ask(command).await }).await
    }

    /// Runs commands in one go.
    pub(super) async fn pipe<T: FromRedisValue>(
        &self,
        partition: Partition,
        commands: &Pipeline,
    ) -> Result<T, Fault> {
        self.insist(partition, |host| async move { host.link.pipe(commands).await }).await
    }

    /// Runs a command in each of several partitions, in one go at each server; the answers come in
    /// the same order. `script` is what the commands call.
    pub(super) async fn each<T: FromRedisValue>(
        &self,
        script: Option<&Script>,
        commands: &[(Partition, Cmd)],
    ) -> Vec<Result<T, Fault>> {
        let mut answers: Vec<Result<T, Fault>> = Vec::new();
        answers.resize_with(commands.len(), || Err(Fault::Moving));
        for again in 0..TRIES {
            let missing = |at: &usize| matches!(answers[*at], Err(Fault::Moving));
            let missing: Vec<usize> = (0..commands.len()).filter(missing).collect();
            if missing.is_empty() {
                return answers;
            }
            if again > 0 {
                self.wait().await;
            }
            self.each_once(script, commands, &missing, &mut answers).await;
        }
        answers
    }

    /// Tries those commands of which there is no answer yet.
    async fn each_once<T: FromRedisValue>(
        &self,
        script: Option<&Script>,
        commands: &[(Partition, Cmd)],
        missing: &[usize],
        answers: &mut [Result<T, Fault>],
    ) {
        let mut at_host: Vec<(Arc<Host>, Vec<usize>)> = Vec::new();
        for at in missing {
            match self.keeper_of(commands[*at].0) {
                Ok(host) => match at_host.iter_mut().find(|(one, _)| Arc::ptr_eq(one, &host)) {
                    Some((_, here)) => here.push(*at),
                    None => at_host.push((host, vec![*at])),
                },
                Err(fault) => answers[*at] = Err(fault),
            }
        }
        for (host, here) in at_host {
            let some: Vec<&Cmd> = here.iter().map(|at| &commands[*at].1).collect();
            for (at, answer) in here.into_iter().zip(host.link.each(script, &some).await) {
                answers[at] = answer;
            }
        }
    }

    /// Runs a script in each of several partitions, with other keys and words each time.
    pub(super) async fn run_each<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: impl IntoIterator<Item = (Partition, Call)>,
    ) -> Vec<Result<T, Fault>> {
        let calls = calls.into_iter().map(|(partition, call)| (partition, evaluate(script, &call)));
        let calls: Vec<(Partition, Cmd)> = calls.collect();
        self.each(Some(script), &calls).await
    }

    /// The same, where all answers are wanted or none.
    pub(super) async fn run_all<T: FromRedisValue>(
        &self,
        script: &Script,
        calls: impl IntoIterator<Item = (Partition, Call)>,
    ) -> Result<Vec<T>, Fault> {
        self.run_each(script, calls).await.into_iter().collect()
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
