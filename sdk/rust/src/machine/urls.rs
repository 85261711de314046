//! Urls: where to connect, best first.
//!
//! The app gives one address. Tickets and `welcome`s may name better ones, nearer to what belongs
//! to the user. Those are hints: when they fail, the app's own is tried too. A hint never leads
//! from an encrypted socket to a plain one.

/// Addresses that the server may name. More would only make a dead server's list longer.
const HINTS_MAX: usize = 8;

/// Where to connect.
#[derive(Debug)]
pub(super) struct Urls {
    own: String,
    /// The server's, and the app's own last.
    all: Vec<String>,
    /// Which of them to dial next.
    next: usize,
    /// The one that was dialed last.
    dialed: String,
}

impl Urls {
    pub(super) fn new(own: String) -> Self {
        Self { all: vec![own.clone()], next: 0, dialed: own.clone(), own }
    }

    /// The server names some; none means that it was not told any.
    pub(super) fn offer(&mut self, urls: &[String]) {
        let encrypted = self.own.starts_with("wss:");
        let fits =
            |url: &&String| url.starts_with("wss://") || (!encrypted && url.starts_with("ws://"));
        let mut all: Vec<String> = urls.iter().filter(fits).take(HINTS_MAX).cloned().collect();
        if all.is_empty() {
            return;
        }
        if !all.contains(&self.own) {
            all.push(self.own.clone());
        }
        self.all = all;
        self.next = 0;
    }

    /// The one to dial now.
    pub(super) fn dial(&mut self) -> String {
        self.dialed.clone_from(&self.all[self.next]);
        self.dialed.clone()
    }

    /// The one that was dialed did not answer; after the last comes the first again.
    pub(super) fn pass_over(&mut self) {
        let dialed = self.all.iter().position(|url| *url == self.dialed);
        self.next = dialed.map_or(0, |at| (at + 1) % self.all.len());
    }

    /// The one that was dialed goes away, so the best of the others is next.
    pub(super) fn go_elsewhere(&mut self) {
        self.next = self.all.iter().position(|url| *url != self.dialed).unwrap_or(0);
    }
}
