//! Plan: which faults come when, and to whom. A seed gives the same plan again; what comes of it
//! is another matter, since real processes run.

use std::{fmt::Write, time::Duration};

use crate::{dice::Dice, fault::Fault, shape::Shape};

/// Nodes of a run.
pub(crate) const NODES: usize = 3;

/// Streams of dice, one for each who throws them.
pub(crate) const PLAN_DICE: u64 = 1;

/// A fault in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) fault: Fault,
    /// Which node, or which server of Redis where there are several.
    pub(crate) at: usize,
    pub(crate) lasts: Duration,
    /// Peace afterwards.
    pub(crate) rest: Duration,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) steps: Vec<Step>,
}

/// Peace after which everybody must agree on who is there, and some time to see it.
const LONG_REST: (u64, u64) = (15_000, 17_000);
const SHORT_REST: (u64, u64) = (500, 4_000);

impl Plan {
    /// Faults of these for so long, each about as often as any other.
    pub(crate) fn new(seed: u64, shape: Shape, faults: &[Fault], time: Duration) -> Self {
        let mut dice = Dice::new(seed, PLAN_DICE);
        let mut steps = Vec::new();
        let (mut total, mut bag) = (Duration::ZERO, Vec::new());
        while total < time && !faults.is_empty() {
            if bag.is_empty() {
                bag = faults.to_vec();
            }
            let fault = bag.swap_remove(below(&mut dice, bag.len()));
            let (from, to) = fault.lasts();
            let at = below(&mut dice, NODES);
            let lasts = dice.ms(from, to);
            let (from, to) = if steps.len() % 4 == 3 { LONG_REST } else { SHORT_REST };
            let rest = dice.ms(from, to);
            total += lasts + rest;
            steps.push(Step { fault, at, lasts, rest });
        }
        Self { seed, shape, steps }
    }

    /// As it is written down.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}, seed {}", self.shape, self.seed);
        for Step { fault, at, lasts, rest } in &self.steps {
            let whom = if fault.is_of_node() { format!(" of n{at}") } else { String::new() };
            let (lasts, rest) = (lasts.as_millis(), rest.as_millis());
            write!(text, "\n{fault}{whom} for {lasts} ms, then {rest} ms of peace")
                .expect("it is text");
        }
        text
    }
}

fn below(dice: &mut Dice, count: usize) -> usize {
    usize::try_from(dice.below(count as u64)).expect("it is below a count")
}

#[test]
fn a_seed_gives_the_same_plan_again_and_each_fault_has_its_turn() {
    let plan = |seed| Plan::new(seed, Shape::Redis, &Fault::ALL, Duration::from_secs(600));
    assert_eq!(plan(7), plan(7));
    assert_ne!(plan(7), plan(8));
    for fault in Fault::ALL {
        assert!(plan(7).steps.iter().any(|step| step.fault == fault), "{fault}");
    }
    assert!(Plan::new(7, Shape::Redis, &[], Duration::from_secs(1)).steps.is_empty());
}
