//! Parts: a load that is shared out to processes, since one has too few descriptors for it.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use super::{
    children::Children,
    flow::Tally,
    load::{Load, Wait},
    part::{Address, Job, Order, Outcome, Told},
    target::Target,
};
use crate::{
    failure::{Failure, Kind},
    out,
};

/// Sessions of one part: so many that descriptors suffice everywhere where they suffice for a node.
const SESSIONS: usize = 15_000;

/// How long an order may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// How long to wait for what a part tells before the next look.
const LOOK: Duration = Duration::from_millis(10);

/// All parts of a load.
#[derive(Debug)]
pub(super) struct Parts {
    inputs: Vec<ChildStdin>,
    told: Receiver<Told>,
}

/// What came of an order, of all parts together.
#[derive(Debug)]
pub(super) struct Sum {
    /// Without times.
    pub(super) outcome: Outcome,
    /// How long messages took.
    pub(super) sent: Tally,
    /// How long sessions were away.
    pub(super) back: Tally,
}

impl Parts {
    /// Starts as many as so many sessions need, which are spread over these nodes.
    pub(super) fn start(
        children: &Children,
        targets: &[Target],
        sessions: usize,
        size: usize,
    ) -> Result<Self, Failure> {
        let nodes: Vec<Address> = targets.iter().map(Address::of).collect();
        let count = sessions.div_ceil(SESSIONS);
        let (tell, told) = mpsc::channel();
        let mut inputs = Vec::new();
        for part in 0..count {
            let (first, end) = (part * sessions / count, (part + 1) * sessions / count);
            let mut command = Command::new(env::current_exe().map_err(Failure::failed)?);
            command.args(["bench", "part"]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let started = children.start(&mut command).map_err(Failure::failed)?;
            let (Some(mut input), Some(out), Some(err)) = (started.input, started.out, started.err)
            else {
                return Err(Failure::failed("a part of the load has no pipes"));
            };
            let job = Job { nodes: nodes.clone(), first, sessions: end - first, size };
            say(&mut input, &job)?;
            inputs.push(input);
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    let told = serde_json::from_str(&line);
                    let told = told.unwrap_or_else(|_| Told::Failed(line.clone()));
                    if tell.send(told).is_err() {
                        return;
                    }
                }
                tell.send(Told::Failed("a part of the load has ended".to_owned())).ok();
            });
            std::thread::spawn(move || {
                BufReader::new(err).lines().map_while(Result::ok).for_each(out::note);
            });
        }
        Ok(Self { inputs, told })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.inputs.len()
    }

    /// Has all sessions opened, a part after the other: so as many are on their way at once as if
    /// there were one part, and servers are not asked for more than they can do.
    pub(super) fn gather(&mut self, load: &mut Load) -> Result<(), Failure> {
        for part in 0..self.count() {
            say(&mut self.inputs[part], &Order::Gather)?;
            self.outcome(load)?;
        }
        Ok(())
    }

    /// Tells all of them what to do.
    pub(super) fn order(&mut self, order: Order) -> Result<(), Failure> {
        self.inputs.iter_mut().try_for_each(|input| say(input, &order))
    }

    /// Returns when all have said that a node may go.
    pub(super) fn ready(&self, load: &mut Load) -> Result<(), Failure> {
        for _ in 0..self.count() {
            match self.next(load)? {
                Told::Ready => {}
                Told::Done(_) | Told::Failed(_) => {
                    return Err(Failure::failed("a part of the load did not wait for the others"));
                }
            }
        }
        Ok(())
    }

    /// Returns when all have done what they were told.
    pub(super) fn done(&self, load: &mut Load) -> Result<Sum, Failure> {
        let mut sum = Sum { outcome: Outcome::default(), sent: Tally::new(), back: Tally::new() };
        for _ in 0..self.count() {
            sum.add(&self.outcome(load)?);
        }
        Ok(sum)
    }

    /// What came of an order that one of them was given.
    fn outcome(&self, load: &mut Load) -> Result<Outcome, Failure> {
        match self.next(load)? {
            Told::Done(outcome) => Ok(outcome),
            Told::Ready | Told::Failed(_) => {
                Err(Failure::failed("a part of the load did something else"))
            }
        }
    }

    /// What one of them tells next, unless it failed.
    fn next(&self, load: &mut Load) -> Result<Told, Failure> {
        let until = load.now() + PATIENCE;
        while load.now() < until {
            match self.told.try_recv() {
                Ok(Told::Failed(text)) => return Err(Failure::failed(text)),
                Ok(told) => return Ok(told),
                Err(_) => {
                    let look = load.now() + LOOK;
                    load.turn(Wait::Until(look), |_| Ok(()))?;
                }
            }
        }
        Err(Failure::new(Kind::TimedOut, "a part of the load does not answer"))
    }
}

impl Sum {
    fn add(&mut self, one: &Outcome) {
        let sum = &mut self.outcome;
        sum.messages += one.messages;
        sum.deliveries += one.deliveries;
        sum.resumed += one.resumed;
        sum.replayed += one.replayed;
        sum.refused += one.refused;
        sum.away = sum.away.max(one.away);
        self.sent.add(&one.taken);
        self.back.add(&one.back);
    }
}

fn say(input: &mut ChildStdin, what: &impl serde::Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_string(what).map_err(Failure::failed)?;
    line.push('\n');
    input.write_all(line.as_bytes()).map_err(Failure::failed)
}
