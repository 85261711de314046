//! World: what everybody in a run knows: where nodes are, what mood it is, who is where.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use crate::{caller::Caller, dice::Dice, log::Log};

/// Where a node is, whether it runs or not.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// Its API, without anything between.
    pub(crate) api: SocketAddr,
    /// Where visitors come.
    pub(crate) door: SocketAddr,
}

/// What visitors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// All that they can think of.
    Wild,
    /// They come, and stay.
    Calm,
    /// They say goodbye.
    Over,
}

/// Something that opened a session once, and must not do so again.
#[derive(Debug, Clone)]
pub(crate) struct Dead {
    pub(crate) user: String,
    /// What it is, and what it is called in the log.
    pub(crate) offer: String,
    pub(crate) digest: String,
    pub(crate) is_token: bool,
    pub(crate) why: &'static str,
}

/// Most of the dead that are kept.
const DEAD_MAX: usize = 2_000;

/// What everybody knows.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) caller: Caller,
    pub(crate) places: Arc<[Place]>,
    pub(crate) mood: watch::Receiver<Mood>,
    pub(crate) seed: u64,
    /// Sessions that were welcomed last, by visitor.
    pub(crate) sessions: Arc<Mutex<BTreeMap<String, String>>>,
    /// Who has a session now.
    present: Arc<Mutex<BTreeSet<String>>>,
    /// How many last messages each visitor has.
    lasts: Arc<Mutex<BTreeMap<String, usize>>>,
    dead: Arc<Mutex<Vec<Dead>>>,
}

impl World {
    pub(crate) fn new(
        log: &Log,
        places: Vec<Place>,
        mood: watch::Receiver<Mood>,
        seed: u64,
    ) -> Self {
        Self {
            log: log.clone(),
            caller: Caller::new(),
            places: places.into(),
            mood,
            seed,
            sessions: Arc::default(),
            present: Arc::default(),
            lasts: Arc::default(),
            dead: Arc::default(),
        }
    }

    /// Any node.
    pub(crate) fn place(&self, dice: &mut Dice) -> &Place {
        let count = u64::try_from(self.places.len()).expect("they are few");
        &self.places[usize::try_from(dice.below(count)).expect("they are few")]
    }

    pub(crate) fn is_wild(&self) -> bool {
        *self.mood.borrow() == Mood::Wild
    }

    /// A visitor was welcomed as this session.
    pub(crate) fn note_session(&self, visitor: &str, session: &str) {
        let mut sessions = self.sessions.lock().expect("nobody panics with it");
        sessions.insert(visitor.to_owned(), session.to_owned());
    }

    /// A visitor has a session, or has none any more.
    pub(crate) fn note_present(&self, visitor: &str, is_there: bool) {
        let mut present = self.present.lock().expect("nobody panics with it");
        match is_there {
            true => _ = present.insert(visitor.to_owned()),
            false => _ = present.remove(visitor),
        }
    }

    /// A visitor has one more of the last messages.
    pub(crate) fn note_last(&self, visitor: &str) {
        let mut lasts = self.lasts.lock().expect("nobody panics with it");
        *lasts.entry(visitor.to_owned()).or_default() += 1;
    }

    /// Whether a visitor has a session, and so many last messages.
    pub(crate) fn has(&self, visitor: &str, lasts: usize) -> bool {
        let present = self.present.lock().expect("nobody panics with it").contains(visitor);
        let all = self.lasts.lock().expect("nobody panics with it");
        present && all.get(visitor).copied().unwrap_or_default() >= lasts
    }

    pub(crate) fn bury(&self, dead: Dead, dice: &mut Dice) {
        let mut all = self.dead.lock().expect("nobody panics with it");
        if all.len() < DEAD_MAX {
            all.push(dead);
        } else {
            let at = usize::try_from(dice.below(DEAD_MAX as u64)).expect("it is small");
            all[at] = dead;
        }
    }

    pub(crate) fn dig(&self, dice: &mut Dice) -> Option<Dead> {
        let all = self.dead.lock().expect("nobody panics with it");
        let count = u64::try_from(all.len()).ok().filter(|count| *count > 0)?;
        all.get(usize::try_from(dice.below(count)).ok()?).cloned()
    }
}
