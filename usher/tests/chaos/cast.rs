//! Cast: who takes part in a run.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::{
    dice::Dice,
    log::Policy,
    others,
    publisher::Publisher,
    speech::Speech,
    visitor::{Manner, Visitor},
    world::World,
};

/// Publishers, and how long each waits between two messages.
const PUBLISHERS: u64 = 3;
const PAUSE: Duration = Duration::from_millis(40);

/// Between two lists of all sessions.
const LOOK: Duration = Duration::from_millis(700);

/// Where streams of dice for the cast begin.
const DICE: u64 = 1 << 16;

/// Everybody.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) visitors: Vec<Visitor>,
    pub(crate) publishers: Vec<Publisher>,
    world: World,
}

impl Cast {
    /// So many times the smallest that has one of each.
    pub(crate) fn new(world: &World, times: usize) -> Self {
        let (mut visitors, mut users) = (Vec::new(), Vec::new());
        let mut come = |user: String, policy, manner, sends_to: Option<String>, yields| {
            let name = format!("visitor-{}", visitors.len());
            let dice = Dice::new(world.seed, DICE + visitors.len() as u64);
            let speech = sends_to.map(|to| Speech {
                by: name.clone(),
                to,
                said: 0,
                world: world.clone(),
                dice: dice.clone(),
            });
            let world = world.clone();
            visitors.push(Visitor { name, user, policy, manner, speech, yields, world, dice });
        };
        for round in 0..times {
            let named = |kind: &str| format!("{kind}-{round}");
            let sink = named("sink");
            come(sink.clone(), Policy::Multi, Manner::Faithful, None, false);
            for manner in [
                Manner::Faithful,
                Manner::Sleepy,
                Manner::Mute,
                Manner::Hoarder,
                Manner::Leaver,
                Manner::Forgetful,
            ] {
                let user = named(&format!("{manner:?}").to_lowercase());
                let sends = matches!(manner, Manner::Faithful | Manner::Hoarder);
                come(user.clone(), Policy::Multi, manner, sends.then(|| sink.clone()), false);
                come(user.clone(), Policy::Multi, Manner::Faithful, None, false);
                users.push(user);
            }
            for (kind, policy) in [("single", Policy::Single), ("reject", Policy::Reject)] {
                let user = named(kind);
                come(user.clone(), policy, Manner::Hoarder, Some(sink.clone()), false);
                come(user.clone(), policy, Manner::Faithful, Some(sink.clone()), true);
                users.push(user);
            }
            users.push(sink);
        }
        let publishers = (0..PUBLISHERS).map(|n| Publisher {
            name: format!("publisher-{n}"),
            users: users.clone(),
            pause: PAUSE,
            world: world.clone(),
            dice: Dice::new(world.seed, DICE * 2 + n),
        });
        Self { visitors, publishers: publishers.collect(), world: world.clone() }
    }

    /// Those who should have a session when all is calm: name and user.
    pub(crate) fn trying(&self) -> Vec<(String, String)> {
        let trying = self.visitors.iter().filter(|visitor| !visitor.yields);
        trying.map(|visitor| (visitor.name.clone(), visitor.user.clone())).collect()
    }

    /// Everybody begins; what is left are publishers for the last messages.
    pub(crate) fn act(self, tasks: &mut JoinSet<()>) -> Vec<Publisher> {
        let Self { visitors, publishers, world } = self;
        let users: Vec<String> = visitors.iter().map(|visitor| visitor.user.clone()).collect();
        for visitor in visitors {
            tasks.spawn(visitor.run());
        }
        let mut last = Vec::new();
        for publisher in publishers {
            let Publisher { name, users, pause, world, dice } = &publisher;
            last.push(Publisher {
                name: format!("{name}-last"),
                users: users.clone(),
                pause: *pause,
                world: world.clone(),
                dice: dice.clone(),
            });
            tasks.spawn_blocking(move || publisher.run());
        }
        let dice = |n| Dice::new(world.seed, DICE * 3 + n);
        tasks.spawn(others::kick(world.clone(), users, dice(0)));
        tasks.spawn(others::look(world.clone(), LOOK, dice(1)));
        tasks.spawn(others::duplicate(world.clone(), dice(2)));
        tasks.spawn(others::trespass(world.clone(), dice(3)));
        last
    }
}
