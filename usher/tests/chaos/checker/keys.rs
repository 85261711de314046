//! Keys and answers of those who send.
//!
//! I7: one message of a publisher, however often it was sent under its key, is one message: one id
//! and one place, in answers and on sockets. Another body under a key that was accepted is refused.
//! Keys are part of what Redis has: what was tried before and after it came back empty is not
//! judged.
//! I18: what was refused at each try is never delivered.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Breach,
    story::{Item, Mark, Story},
};
use crate::log::{Fate, Name};

pub(super) fn judge(story: &Story) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut came: BTreeMap<&Name, BTreeMap<&str, Mark>> = BTreeMap::new();
    for socket in story.sockets.values() {
        for (mark, item) in &socket.items {
            // An echo has the id of what it repeats.
            if let Item::Message { id, name, .. } = item {
                came.entry(name).or_default().entry(id).or_insert(*mark);
            }
        }
    }
    for (name, sent) in &story.messages {
        let mut ids: BTreeMap<&str, Mark> = came.get(name).cloned().unwrap_or_default();
        let delivered: Option<Mark> = ids.values().min().copied();
        let mut places = BTreeSet::new();
        for one in sent.accepted() {
            let ended = one.ended.unwrap_or_default();
            ids.extend(one.id.as_deref().map(|id| (id, ended)));
            places.extend(one.position);
        }
        let began = sent.began();
        let last = ids.values().max().copied().unwrap_or_default();
        if (ids.len() > 1 || places.len() > 1) && !forgotten(story, began.at, last.at) {
            let marks: Vec<Mark> = [began].into_iter().chain(ids.values().copied()).collect();
            let what = format!("{} {} was accepted as {} messages", name.by, name.n, ids.len());
            breaches.push(Breach::new("I7", what, &marks));
        }
        let is_refused = sent.tries.iter().all(|one| one.fate == Fate::Refused);
        if let Some(delivered) = delivered.filter(|_| is_refused) {
            let what = format!("{} {} was refused, and came", name.by, name.n);
            let ended = sent.tries.iter().filter_map(|one| one.ended).max().unwrap_or_default();
            breaches.push(Breach::new("I18", what, &[began, ended, delivered]));
        }
    }
    for (mark, key, status) in &story.misused {
        if *status == 200 && !forgotten(story, 0, mark.at) {
            let what = format!("key {key} was used for two messages");
            breaches.push(Breach::new("I7", what, &[*mark]));
        }
    }
    breaches
}

/// Whether Redis may have lost what it knew in this time.
fn forgotten(story: &Story, from: u64, to: u64) -> bool {
    story.troubles_in(from, to).any(|one| one.fault.forgets(story.terms.shape))
}
