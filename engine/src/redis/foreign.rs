//! Foreign: a partition that cannot be kept, since somebody else wrote under our keys.
//!
//! All others go on. Its users are told that nothing can be done, and who runs the node which key it
//! is, until that is mended.

use std::sync::Arc;

use protocol::partition::Partition;
use redis::Pipeline;

use super::{Redis, host::Host, options::Refused};

impl Redis {
    /// A lease cannot be renewed, though others can: finds out what is there that should not be.
    pub(super) async fn find_foreign(&self, host: &Arc<Host>, partition: Partition) {
        let keys = [
            (self.keys.primary(partition), "hash"),
            (self.keys.lease(partition), "hash"),
            (self.keys.mail(partition), "hash"),
            (self.keys.node(partition, &self.me.to_string()), "set"),
        ];
        let mut ask = Pipeline::new();
        for (key, _) in &keys {
            ask.cmd("TYPE").arg(key);
        }
        let Ok(kinds) = host.link.pipe::<Vec<String>>(&ask).await else { return };
        let is_foreign = |kind: &str, ours: &str| kind != "none" && kind != ours;
        let mut found = keys.iter().zip(&kinds).filter(|((_, ours), kind)| is_foreign(kind, ours));
        let key = match found.next() {
            Some(((key, _), _)) => key.clone(),
            None => self.keys.all_of(partition),
        };
        let foreign = Refused::Foreign { at: host.link.door().to_string(), key };
        host.note_why(Some(foreign.to_string()));
        self.counts.set_broken(partition, true);
    }
}
