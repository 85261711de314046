//! Model: random steps, each done by the engine and by the kernel's registry, and compared.
//!
//! Only for an engine whose time stands still between steps; then the two must agree in every bit.
#![expect(missing_docs, reason = "the names are sentences")]

mod steps;

use std::{collections::BTreeMap, fmt, sync::Arc};

use kernel::{
    message::{Envelope, Fenced, NodeRef},
    registry::{Attempt, Mail, Registry, Terms},
};
use protocol::{
    id::{ResumeToken, SessionId, Ticket},
    name::UserId,
    partition::Partition,
    position::Position,
    time::Timestamp,
};

use super::{
    Rig,
    dice::Dice,
    stage::{Stage, user},
};

/// Steps for each seed.
const STEPS: usize = 3000;

/// Steps that a failure shows.
const SHOWN: usize = 12;

pub async fn random_steps_do_what_the_registry_does(rig: &dyn Rig) {
    if rig.clock().is_none() {
        return;
    }
    let mut both = (Stage::of(rig).await, Model::new(rig.terms()));
    for seed in Dice::seeds() {
        let mut play = Play::new(both, seed);
        for _ in 0..STEPS {
            play.step().await;
        }
        both = (play.stage, play.model);
    }
}

/// The engine, and the registries that it is compared with.
struct Play<'a> {
    stage: Stage<'a>,
    model: Model,
    dice: Dice,
    seed: u64,
    trace: Vec<String>,
    users: Vec<UserId>,
    tickets: Vec<Ticket>,
    attempts: Vec<Attempt>,
    tokens: Vec<ResumeToken>,
    sessions: Vec<Fenced>,
    positions: Vec<Position>,
}

impl<'a> Play<'a> {
    fn new((stage, model): (Stage<'a>, Model), seed: u64) -> Self {
        Self {
            stage,
            model,
            dice: Dice::new(seed),
            seed,
            trace: Vec::new(),
            users: users(seed),
            tickets: Vec::new(),
            attempts: Vec::new(),
            tokens: Vec::new(),
            sessions: Vec::new(),
            positions: vec![Position::default(), Position { epoch: u64::MAX, seq: 1 }],
        }
    }

    /// One that was made of late, mostly, so that steps meet what stands.
    fn recent<T: Clone>(dice: &mut Dice, of: &[T]) -> Option<T> {
        let old = of.len().saturating_sub(8);
        let from = if dice.chance(85) { old } else { 0 };
        dice.any_of(&of[from..]).cloned()
    }

    fn now(&self) -> Timestamp {
        self.stage.rig.clock().expect("its time stands still")
    }

    fn some_user(&mut self) -> UserId {
        self.dice.one_of(&self.users).clone()
    }

    fn some_position(&mut self) -> Position {
        Self::recent(&mut self.dice, &self.positions).expect("there are some from the start")
    }

    fn some_session(&mut self) -> Option<Fenced> {
        Self::recent(&mut self.dice, &self.sessions)
    }

    fn say(&mut self, step: impl fmt::Debug) {
        self.trace.push(format!("{step:?}"));
    }

    /// Both must have answered the same.
    fn same<T: PartialEq + fmt::Debug>(&self, engine: &T, model: &T) {
        let from = self.trace.len().saturating_sub(SHOWN);
        let at = format!("seed {}, step {}", self.seed, self.trace.len());
        assert_eq!(engine, model, "{at}, after {:#?}", &self.trace[from..]);
    }

    /// And told nodes the same, in the same order for each user.
    async fn same_mail(&mut self) {
        let mut expected: BTreeMap<(Arc<NodeRef>, UserId), Vec<Envelope>> = BTreeMap::new();
        for Mail { node, envelope } in std::mem::take(&mut self.model.mail) {
            expected.entry((node, envelope.user.clone())).or_default().push(envelope);
        }
        let mut told: BTreeMap<(Arc<NodeRef>, UserId), Vec<Envelope>> = BTreeMap::new();
        for n in 0..self.stage.nodes() {
            let me = Arc::clone(self.stage.me(n));
            for envelope in self.stage.mail(n).await {
                let key = (Arc::clone(&me), envelope.user.clone());
                told.entry(key).or_default().push(envelope);
            }
        }
        self.same(&told, &expected);
    }
}

/// What the engine should be: a registry for each partition.
struct Model {
    terms: Terms,
    partitions: BTreeMap<Partition, Registry>,
    mail: Vec<Mail>,
}

impl Model {
    fn new(terms: Terms) -> Self {
        Self { terms, partitions: BTreeMap::new(), mail: Vec::new() }
    }

    fn at(&mut self, partition: Partition) -> &mut Registry {
        self.partitions.entry(partition).or_insert_with(|| Registry::new(self.terms))
    }

    fn of(&mut self, user: &UserId) -> &mut Registry {
        self.at(Partition::of(user))
    }

    fn at_session(&mut self, session: SessionId) -> &mut Registry {
        self.at(session.partition())
    }
}

/// Few, so that steps meet; two of them in one partition.
fn users(seed: u64) -> Vec<UserId> {
    let name = |n: usize| user(&format!("{seed}/{n}"));
    let mut users: Vec<_> = (0..3).map(name).collect();
    let neighbour = (3..).map(name).find(|other| Partition::of(other) == Partition::of(&users[0]));
    users.extend(neighbour);
    users
}
