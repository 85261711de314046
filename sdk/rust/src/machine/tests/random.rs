//! Random histories: what holds whatever happens in whatever order.

use std::collections::BTreeMap;

use super::{
    super::{Input, Moment, Output, PostId},
    script::{Stage, setup},
};
use crate::{outgoing::Outgoing, pace::Pace, state::State};

/// Histories that are tried, each from a seed of its own.
const HISTORIES: u64 = 400;

/// What may happen in one of them.
const STEPS: usize = 300;

/// What the world has for the machine at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    Nothing,
    Asked,
    Dialed,
    Open,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap()]
    }
}

/// Holds what the machine does against what it may do.
struct Judge {
    world: World,
    sends: BTreeMap<u64, u64>,
    settled: BTreeMap<u64, u32>,
    ended: bool,
}

impl Judge {
    fn judge(&mut self, now: u64, output: &Output) {
        let settles = matches!(output, Output::Settle(..));
        assert!(!self.ended || settles, "it ended, and does {output:?}");
        match output {
            Output::GetTicket(_) => {
                assert_eq!(self.world, World::Nothing);
                self.world = World::Asked;
            }
            Output::Dial { .. } => {
                assert_eq!(self.world, World::Nothing, "two sockets at once");
                self.world = World::Dialed;
            }
            Output::Write(_) => assert_eq!(self.world, World::Open, "{output:?}"),
            Output::HangUp => self.world = World::Nothing,
            Output::Deliver(_) => assert_eq!(self.world, World::Open),
            Output::Settle(PostId(id), _) => {
                *self.settled.entry(*id).or_default() += 1;
                let late = now.saturating_sub(self.sends[id]);
                assert!(u128::from(late) <= Pace::default().send_max.as_millis());
            }
            Output::Tell(State::Ended(_)) => self.ended = true,
            Output::Tell(_) => {}
        }
    }
}

/// One history: what the world does is random, but no more than a world can do.
struct History {
    dice: Dice,
    stage: Stage,
    judge: Judge,
    now: u64,
    sends: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let judge = Judge {
            world: World::Nothing,
            sends: BTreeMap::new(),
            settled: BTreeMap::new(),
            ended: false,
        };
        let stage = Stage::with(setup(seed));
        Self { dice: Dice(seed * 2 + 1), stage, judge, now: 0, sends: 0 }
    }

    fn step(&mut self, input: Input) {
        match (&input, self.judge.world) {
            (Input::Ticket(_) | Input::NotOpened(..), _) => self.judge.world = World::Nothing,
            (Input::Life, World::Dialed) => self.judge.world = World::Open,
            _ => {}
        }
        if let Input::Send(PostId(id), _) = &input {
            self.judge.sends.insert(*id, self.now);
        }
        self.stage.machine.handle(Moment(self.now), input);
        while let Some(output) = self.stage.machine.poll() {
            self.judge.judge(self.now, &output);
        }
    }

    /// Lets it be woken for all that is due: nothing is left, and nothing is woken without end.
    fn wake_for_what_is_due(&mut self) {
        for _ in 0..1000 {
            match self.stage.machine.wake_at() {
                Some(at) if at.0 <= self.now => self.step(Input::Wake),
                _ => return,
            }
        }
        panic!("woken without end");
    }

    fn next_input(&mut self) -> Input {
        let word = match (self.dice.below(10), self.judge.world) {
            (0, _) => self.sending(),
            (1, _) => {
                self.dice.one(&["stalled", "flowing", "active", "ack:p3", "away:0", "away:9"])
            }
            (2, _) if self.dice.below(40) == 0 => "leave",
            (2 | 3, _) => return self.later(),
            (_, World::Nothing) => return self.later(),
            (_, World::Asked) => self.dice.one(&["ticket", "ticket", "no_ticket"]),
            (_, World::Dialed) => self.dice.one(&["opened", "opened", "unopened", "unopened:5"]),
            (_, World::Open) => self.heard(),
        };
        self.stage.input(word)
    }

    fn sending(&mut self) -> &'static str {
        self.sends += 1;
        let outgoing = Outgoing::new("bob", &self.sends);
        let outgoing = match self.dice.below(4) {
            0 => outgoing.volatile(),
            _ => outgoing,
        };
        self.step(Input::Send(PostId(self.sends), outgoing.0.unwrap()));
        "active"
    }

    /// Some time later, but not beyond what the machine waits for.
    fn later(&mut self) -> Input {
        let passed = self.now + self.dice.below(9000);
        self.now = match self.stage.machine.wake_at() {
            Some(at) => passed.min(at.0.max(self.now)),
            None => passed,
        };
        Input::Wake
    }

    /// What a server says, right or wrong.
    fn heard(&mut self) -> &'static str {
        const REPLIES: [&str; 8] = [
            "reply:1",
            "reply:2",
            "reply:3",
            "reply:4:overloaded:50",
            "reply:5:forbidden",
            "reply:6",
            "reply:7:rate-limited:900",
            "reply:8",
        ];
        match self.dice.below(3) {
            0 => self.dice.one(&REPLIES),
            1 => self.dice.one(&["welcome:1:p1", "welcome:1:p1", "resumed:1:p2", "welcome:2:p9"]),
            _ => self.dice.one(&[
                "message:1:p2",
                "message:2:p3",
                "message:3",
                "gap:p2:p8",
                "ping",
                "pong",
                "closing:4000:900",
                "closed:4000",
                "closed:4202",
                "closed:1008",
                "lost",
                "garbage",
                "dance",
            ]),
        }
    }

    fn play(mut self) {
        self.step(Input::Start);
        for _ in 0..STEPS {
            let input = self.next_input();
            self.step(input);
            self.wake_for_what_is_due();
        }
        self.step(Input::Leave);
        while !self.judge.ended {
            let Moment(at) = self.stage.machine.wake_at().expect("leaving has an end");
            self.now = self.now.max(at);
            self.step(Input::Wake);
        }
        let settled: Vec<_> = self.judge.settled.iter().map(|(id, n)| (*id, *n)).collect();
        let sent: Vec<_> = self.judge.sends.keys().map(|id| (*id, 1)).collect();
        assert_eq!(settled, sent, "each send is settled once");
    }
}

#[test]
fn whatever_happens_there_is_one_socket_and_each_send_settles_once_in_time() {
    for seed in 0..HISTORIES {
        println!("seed {seed}");
        History::new(seed).play();
    }
}
