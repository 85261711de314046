//! Renewals: this node's leases are held for longer, some partitions of a server at a time.
//!
//! A renewal says how many envelopes were sent, how many sessions the registry has here, and in
//! which epoch. It goes by the connection that listens: there it waits for no step, and by the time of
//! its answer all that was counted before has come.

use std::sync::Arc;

use protocol::{partition::Partition, time::Timestamp};
use redis::{Cmd, aio::MultiplexedConnection};

use super::{
    Redis,
    host::Host,
    kept::number,
    link::{self, Fault},
    script, way,
};
use crate::tenure::Renewal;

/// What a renewal says of a partition.
#[derive(Debug)]
pub(super) struct Renewed {
    /// The partition's; another one if something may be lost.
    pub(super) epoch: String,
    /// Envelopes that were sent to this node.
    pub(super) count: u64,
    /// Sessions that it has, as the registry knows.
    pub(super) sessions: usize,
    /// Whether the lease had lapsed, by any clock.
    pub(super) lapsed: bool,
    until: Timestamp,
}

/// The same, as it is answered.
type Answer = (String, String, usize, u8, String);

impl Renewed {
    fn read((epoch, count, sessions, lapsed, until): Answer) -> Result<Self, Fault> {
        let (count, until) = (number(&count)?, Timestamp(number(&until)?));
        Ok(Self { epoch, count, sessions, lapsed: lapsed == 1, until })
    }
}

impl Redis {
    /// Renews the leases on some partitions of a server; there is none of those that move, or in
    /// which somebody else has written, and none of a node that has left. Those that were lost by the
    /// node's own clock are lapsed as well.
    pub(super) async fn renew(
        &self,
        host: &Arc<Host>,
        line: &mut MultiplexedConnection,
        partitions: &[Partition],
    ) -> Result<Vec<Option<Renewed>>, Fault> {
        let Some(_staying) = self.stay().await else {
            return Ok(partitions.iter().map(|_| None).collect());
        };
        let sent = self.tenure.now();
        let node = self.me.to_string();
        let words = [node.clone(), self.lease.as_millis().to_string()];
        let call = |partition: &Partition| {
            let keys = vec![
                self.keys.primary(*partition),
                self.keys.lease(*partition),
                self.keys.mail(*partition),
                self.keys.node(*partition, &node),
            ];
            way::evaluate(&script::RENEW, &(keys, words.to_vec()))
        };
        let calls: Vec<Cmd> = partitions.iter().map(call).collect();
        let calls: Vec<&Cmd> = calls.iter().collect();
        let mut renewed = self.answers(host, line, &calls).await?;
        let is_moving = |at: &usize| matches!(renewed[*at], Err(Fault::Moving));
        let moving: Vec<usize> = (0..calls.len()).filter(is_moving).collect();
        if !moving.is_empty() {
            self.atlas.doubt();
            let some: Vec<Partition> = moving.iter().map(|at| partitions[*at]).collect();
            self.meet(host, &some).await;
            let calls: Vec<&Cmd> = moving.iter().map(|at| calls[*at]).collect();
            let again = self.answers(host, line, &calls).await?;
            moving.into_iter().zip(again).for_each(|(at, again)| renewed[at] = again);
        }
        // Where others go on, something is wrong with what is kept there.
        if renewed.iter().any(Result::is_ok) {
            let failed = |at: &usize| !matches!(renewed[*at], Ok(_) | Err(Fault::Moving));
            for at in (0..renewed.len()).filter(failed).collect::<Vec<_>>() {
                self.find_foreign(host, partitions[at]).await;
                renewed[at] = Err(Fault::Moving);
            }
        }
        let renewed = renewed.into_iter().map(|renewed| match renewed {
            Err(Fault::Moving) => Ok(None),
            renewed => renewed.map(Some),
        });
        let mut renewed = renewed.collect::<Result<Vec<Option<Renewed>>, Fault>>()?;
        for (partition, renewed) in partitions.iter().zip(&mut renewed) {
            let Some(renewed) = renewed else { continue };
            let renewal = Renewal { sent, lapsed: renewed.lapsed, until: renewed.until };
            renewed.lapsed = self.tenure.renewed(*partition, renewal);
        }
        Ok(renewed)
    }

    /// Waits for the answers as long as the server says anything.
    async fn answers(
        &self,
        host: &Host,
        line: &mut MultiplexedConnection,
        calls: &[&Cmd],
    ) -> Result<Vec<Result<Renewed, Fault>>, Fault> {
        let answers = link::each(line, Some(&script::RENEW), calls);
        let answers = host.ear.pulse.carries(self.lease, answers).await.ok_or(Fault::NotDone)?;
        let answers = answers.map_err(|error| Fault::from(&error))?;
        Ok(answers.into_iter().map(|answer| answer.and_then(Renewed::read)).collect())
    }
}
