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
    hints: Vec<String>,
    at: usize,
}

impl Urls {
    pub(super) fn new(own: String) -> Self {
        Self { own, hints: Vec::new(), at: 0 }
    }

    /// The server names some; none means that it was not told any.
    pub(super) fn offer(&mut self, urls: &[String]) {
        let encrypted = self.own.starts_with("wss:");
        let fits =
            |url: &&String| url.starts_with("wss://") || (!encrypted && url.starts_with("ws://"));
        let hints: Vec<String> = urls.iter().filter(fits).take(HINTS_MAX).cloned().collect();
        if !hints.is_empty() {
            self.hints = hints;
            self.at = 0;
        }
    }

    pub(super) fn current(&self) -> &str {
        self.hints.get(self.at).unwrap_or(&self.own)
    }

    /// The current one did not answer, or goes away; after the last comes the first again.
    pub(super) fn pass_over(&mut self) {
        self.at = (self.at + 1) % (self.hints.len() + 1);
    }
}
