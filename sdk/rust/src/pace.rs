//! Pace: how long things may take, and how long to wait before the next try.

use std::time::Duration;

/// Times of a session. The defaults are right for most; tests of an app may want shorter ones.
///
/// ```
/// use std::time::Duration;
/// use usher_client::Pace;
///
/// let pace = Pace { retry_max: Duration::from_secs(60), ..Pace::default() };
/// assert_eq!(pace.retry_base, Duration::from_millis(500));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first wait before coming back is a random time up to this. It doubles with each
    /// failure, so that a server which is down is not asked ever faster.
    pub retry_base: Duration,
    /// No wait is longer than this, unless the server asks for it.
    pub retry_max: Duration,
    /// A socket that stayed this long was no failure: the next wait begins at the base again.
    pub stable_after: Duration,
    /// From dialing to the `welcome`. Then the next try.
    pub connect_max: Duration,
    /// How long the app may take for a ticket.
    pub ticket_max: Duration,
    /// How long a send may take until it is answered, over as many sockets as it needs.
    pub send_max: Duration,
    /// How much longer than the server's time for a ping nothing may come before the socket counts
    /// as dead.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_base: Duration::from_millis(500),
            retry_max: Duration::from_secs(20),
            stable_after: Duration::from_secs(5),
            connect_max: Duration::from_secs(10),
            ticket_max: Duration::from_secs(10),
            send_max: Duration::from_secs(30),
            silence: Duration::from_secs(10),
        }
    }
}
