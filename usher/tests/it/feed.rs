//! Feed: someone who watches what happens at a node, and takes each event by itself.

use std::{
    io::{BufRead, BufReader},
    sync::mpsc::{Receiver, channel},
    thread,
};

use protocol::event::{Event, Number, What};

use crate::{program::PATIENCE, supervised::Api};

/// An open feed.
#[derive(Debug)]
pub(crate) struct Feed {
    blocks: Receiver<Block>,
    /// The node that is asked.
    home: String,
    /// The last id that it was given.
    pub(crate) last: String,
}

/// Lines up to an empty one.
#[derive(Debug, Default)]
struct Block {
    id: Option<String>,
    data: Option<String>,
}

/// An event, and which it is.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) number: Number,
    pub(crate) event: Event,
}

impl Feed {
    /// Opens one at the node `home`, after an event if there is one.
    pub(crate) fn open(home: &str, api: &Api, query: &str, after: Option<&str>) -> Self {
        let lines = BufReader::new(api.feed(query, after)).lines();
        let (out, blocks) = channel();
        thread::spawn(move || {
            let mut block = Block::default();
            for line in lines.map_while(Result::ok) {
                match line.split_once(": ") {
                    Some(("id", id)) => block.id = Some(id.to_owned()),
                    Some(("data", data)) => block.data = Some(data.to_owned()),
                    None if line.is_empty() && out.send(std::mem::take(&mut block)).is_err() => {
                        return;
                    }
                    _ => {}
                }
            }
        });
        let mut feed = Self { blocks, home: home.to_owned(), last: String::new() };
        let first = feed.block().expect("it begins");
        assert_eq!(first.data, None);
        feed
    }

    fn block(&mut self) -> Option<Block> {
        let block = self.blocks.recv_timeout(PATIENCE).ok()?;
        if let Some(id) = &block.id {
            self.last.clone_from(id);
        }
        Some(block)
    }

    /// The next event, which must come.
    pub(crate) fn next(&mut self) -> Seen {
        loop {
            let block = self.block().expect("the feed goes on");
            let Some(data) = block.data else { continue };
            let number: Number = block.id.expect("it has an id").parse().expect("which is one");
            let event = serde_json::from_str(&data).expect("it is an event");
            if *number.node != *self.home {
                // Where it stands here follows at once.
                let place = self.block().expect("the feed goes on");
                assert!(self.last.starts_with(&self.home) && place.data.is_none(), "{place:?}");
            }
            return Seen { number, event };
        }
    }

    /// The next event that is one, and all before it.
    pub(crate) fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> Vec<Seen> {
        let mut seen = Vec::new();
        loop {
            seen.push(self.next());
            if is_it(&seen[seen.len() - 1].event) {
                return seen;
            }
        }
    }
}

impl Seen {
    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        self.event.what.name()
    }

    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.event.what, What::Gap(_))
    }
}
