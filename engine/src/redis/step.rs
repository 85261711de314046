//! Step: look, decide, and do it if nothing has changed.
//!
//! The rules are the kernel's, so a step cannot be one script. It is two: what it looks at is read
//! in one go, the very step of the kernel is taken on it, and what differs is written in one go,
//! unless anything that was looked at has changed: then it begins anew. Somebody always gets
//! through, since only a step that was done is a change. Steps of one node for the same user that
//! were in each other's way go on one after the other.

use kernel::registry::{Excerpt, Mail, Registry, Standing};
use protocol::{id::SessionId, position::Position, time::Timestamp};

use super::{
    Redis,
    change::Change,
    kept,
    link::Fault,
    look::{Answer, Look, Seen},
    script,
};

/// How often a step is begun anew.
const TRIES: usize = 200;

/// What came of a step.
#[derive(Debug)]
pub(super) struct Taken<T> {
    /// What the rules say.
    pub(super) outcome: T,
    /// The head of the user's stream, where anything was written.
    pub(super) head: Option<Position>,
    /// Whether a new session begins there.
    pub(super) joined: bool,
    /// What the step saw.
    pub(super) seen: Seen,
    /// What it left.
    pub(super) after: Excerpt,
}

impl<T> Taken<T> {
    /// A session as the step left it.
    pub(super) fn standing(&self, session: SessionId) -> Option<&Standing> {
        let mut standing = self.after.people.iter().flat_map(|person| &person.standing);
        standing.find(|one| one.id == session)
    }
}

/// How a step differs from others when it is written down.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner<'a> {
    /// The sealed token of a session that spends a ticket.
    pub(super) seal: &'a str,
    /// Whether a new session begins at the head.
    pub(super) at_head: bool,
    /// Whether there is more to keep afterwards, which a full memory has no room for.
    pub(super) adds: bool,
}

impl Redis {
    /// Reads what a step looks at.
    pub(super) async fn look(&self, look: Look) -> Result<Seen, Fault> {
        let keys = look.keys(&self.keys);
        let answer = self.run(look.partition, &script::GATHER, &keys, &[]).await;
        self.seen(look, answer)
    }

    /// Reads what several steps look at.
    pub(super) async fn look_at_all(&self, looks: Vec<Look>) -> Vec<Result<Seen, Fault>> {
        let call = |look: &Look| (look.partition, (look.keys(&self.keys), Vec::new()));
        let answers = self.run_each(&script::GATHER, looks.iter().map(call)).await;
        looks.into_iter().zip(answers).map(|(look, answer)| self.seen(look, answer)).collect()
    }

    fn seen(&self, look: Look, answer: Result<Answer, Fault>) -> Result<Seen, Fault> {
        let seen = match answer {
            Ok(answer) => look.seen(&self.keys, answer),
            Err(Fault::Foreign) => Err(self.keys.user(look.partition, look.user.as_ref())),
            Err(fault) => return Err(fault),
        };
        seen.map_err(|key| {
            self.unreadable.note(key);
            Fault::Foreign
        })
    }

    /// Takes a step of the kernel. [`Fault::Foreign`] says that what it looks at cannot be read.
    pub(super) async fn take<T>(
        &self,
        look: Look,
        manner: Manner<'_>,
        step: impl Fn(Timestamp, &mut Registry) -> (T, Vec<Mail>) + Send,
    ) -> Result<Taken<T>, Fault>
    where
        T: Send,
    {
        let _step = self.begin_step(look.partition).await.map_err(Fault::before_change)?;
        let mut turn = None;
        for _ in 0..TRIES {
            let seen = self.look(look.clone()).await.map_err(Fault::before_change)?;
            let leased = seen.look.leased.as_ref();
            if leased.is_some_and(|node| !seen.holds(&node.to_string())) {
                return Err(Fault::NotDone);
            }
            let (outcome, after, mail) = {
                let mut registry = Registry::of(self.terms, seen.excerpt.clone());
                let mut mail = match self.tenure.is_settled(seen.look.partition) {
                    true => seen.park_lost(&mut registry),
                    // Others may have had no turn yet to renew their leases.
                    false => Vec::new(),
                };
                let (outcome, told) = step(seen.now, &mut registry);
                mail.extend(told);
                (outcome, registry.excerpt(), mail)
            };
            match self.commit(&seen, &after, &mail, manner).await.map_err(Fault::in_change)? {
                Committed::Nothing => {
                    return Ok(Taken { outcome, head: None, joined: false, seen, after });
                }
                Committed::Head { head, joined } => {
                    self.orphans.note(&seen, &after);
                    return Ok(Taken { outcome, head: Some(head), joined, seen, after });
                }
                Committed::Late if turn.is_none() => {
                    turn = Some(self.turns.of(seen.look.user.as_ref()).await);
                }
                Committed::Late => {}
            }
        }
        Err(Fault::NotDone)
    }

    async fn commit(
        &self,
        seen: &Seen,
        after: &Excerpt,
        mail: &[Mail],
        manner: Manner<'_>,
    ) -> Result<Committed, Fault> {
        let version = self.version();
        let words = (version.as_str(), manner.seal, manner.at_head);
        let change = Change::of((&self.keys, &self.terms, seen), after, mail, words);
        let Some(commit) = change else { return Ok(Committed::Nothing) };
        let words: Vec<&str> = commit.words.iter().map(String::as_str).collect();
        let partition = seen.look.partition;
        let script = if manner.adds { &script::COMMIT_MORE } else { &script::COMMIT };
        let answer = self.run(partition, script, &commit.keys, &words).await;
        let head: Option<(String, String)> = answer?;
        let Some((epoch, seq)) = head else { return Ok(Committed::Late) };
        let head = Position { epoch: kept::number(&epoch)?, seq: kept::number(&seq)? };
        Ok(Committed::Head { head, joined: commit.joins })
    }
}

/// What became of a change.
enum Committed {
    /// There was none.
    Nothing,
    /// It was done.
    Head { head: Position, joined: bool },
    /// Something had changed before.
    Late,
}
