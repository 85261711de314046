//! Outgoing: what a session sends, and what becomes of it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use protocol::{
    data::Data, frame::ReplyError, http::LongTtl, id::MessageId, limit::KEY_BYTES_MAX,
    name::UserId, target::Target,
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

/// A message for a user, on its way to [`crate::Session::send_as`].
///
/// ```
/// use std::time::Duration;
/// use usher_client::{Outgoing, Target};
///
/// let ring = Outgoing::new("bob", &"ring").to(Target::Active).ttl(Duration::from_secs(30));
/// ```
#[derive(Debug, Clone)]
#[must_use = "it is sent by `Session::send_as`"]
pub struct Outgoing(pub(crate) Result<Letter, String>);

/// What is in it, where all is right.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) user: UserId,
    pub(crate) data: Data,
    pub(crate) to: Option<Target>,
    pub(crate) volatile: bool,
    pub(crate) ttl: Option<LongTtl>,
    pub(crate) echo: Option<bool>,
    pub(crate) key: Option<String>,
}

impl Outgoing {
    /// `data` for all sessions of `user`. What is wrong with them is told when it is sent.
    pub fn new(user: impl AsRef<str>, data: &(impl Serialize + ?Sized)) -> Self {
        Self(letter(user.as_ref(), data))
    }

    /// To which of the user's sessions.
    pub fn to(self, target: Target) -> Self {
        self.with(|letter| {
            letter.to = Some(target);
            Ok(())
        })
    }

    /// Only to sessions that are live and keep up. It is not tried again either: without a socket
    /// it fails at once.
    pub fn volatile(self) -> Self {
        self.with(|letter| {
            letter.volatile = true;
            Ok(())
        })
    }

    /// After which nobody wants it any more: whole seconds, at most 30 days.
    pub fn ttl(self, ttl: Duration) -> Self {
        self.with(|letter| {
            let ttl = LongTtl::new(ttl.as_secs()).ok_or("ttl must be 1 s to 30 days")?;
            letter.ttl = Some(ttl);
            Ok(())
        })
    }

    /// Whether the other sessions of this session's user get a copy. If not said they do, unless it
    /// is volatile.
    pub fn echo(self, echo: Echo) -> Self {
        self.with(|letter| {
            letter.echo = Some(echo == Echo::Yes);
            Ok(())
        })
    }

    /// By which the server tells that it was sent before, by an earlier process, say: 1 to 255
    /// bytes. If not said, each message has its own.
    pub fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.with(|letter| match (1..=KEY_BYTES_MAX).contains(&key.len()) {
            true => {
                letter.key = Some(key);
                Ok(())
            }
            false => Err("key must have 1 to 255 bytes"),
        })
    }

    fn with(self, change: impl FnOnce(&mut Letter) -> Result<(), &'static str>) -> Self {
        Self(self.0.and_then(|mut letter| match change(&mut letter) {
            Ok(()) => Ok(letter),
            Err(why) => Err(why.to_owned()),
        }))
    }
}

fn letter(user: &str, data: &(impl Serialize + ?Sized)) -> Result<Letter, String> {
    let user = UserId::parse(user).map_err(|e| format!("user {e}"))?;
    let text = serde_json::to_string(data).map_err(|e| format!("data is no JSON: {e}"))?;
    let raw = RawValue::from_string(text).map_err(|e| format!("data is no JSON: {e}"))?;
    let data = Data::new(&raw).map_err(|e| format!("data {e}"))?;
    Ok(Letter { user, data, to: None, volatile: false, ttl: None, echo: None, key: None })
}

/// Whether the sender's other sessions get a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// A message that the server accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Its id, which every recipient sees.
    pub id: MessageId,
    /// False if the sender's other sessions should have got a copy and did not.
    pub echoed: bool,
}

/// Why a send failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It is not what can be sent.
    #[error("{0}")]
    Invalid(String),
    /// The server refused it.
    #[error("refused: {} ({})", .0.detail, .0.code)]
    Refused(ReplyError),
    /// Too many are under way already.
    #[error("too many sends are under way")]
    Full,
    /// It was not sent, and will not be.
    #[error("not sent: {0}")]
    NotSent(Halt),
    /// It was sent and not answered: the server may have accepted it or not.
    #[error("sent, but not answered: {0}")]
    Unanswered(Halt),
}

/// What a send did not outlast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Halt {
    /// Its time.
    TimedOut,
    /// The session, which ended.
    Ended,
    /// The socket; a volatile message does not wait for another one.
    NoSocket,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "its time is over",
            Self::Ended => "the session ended",
            Self::NoSocket => "there is no socket",
        })
    }
}

/// How a send goes.
pub(crate) type Outcome = Result<Sent, SendError>;

/// A message on its way. It settles in any case, with what the server said or with why not; and it
/// goes on without whoever drops this.
#[derive(Debug)]
pub struct Sending(Way);

#[derive(Debug)]
enum Way {
    Known(Outcome),
    Open(oneshot::Receiver<Outcome>),
}

impl Sending {
    pub(crate) fn failed(error: SendError) -> Self {
        Self(Way::Known(Err(error)))
    }

    pub(crate) fn open(outcome: oneshot::Receiver<Outcome>) -> Self {
        Self(Way::Open(outcome))
    }
}

impl Future for Sending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.0 {
            Way::Known(outcome) => outcome.clone(),
            Way::Open(open) => match std::task::ready!(Pin::new(open).poll(cx)) {
                Ok(outcome) => outcome,
                // Nobody settled it: the session's task is gone, and took the answer along.
                Err(_) => Err(SendError::Unanswered(Halt::Ended)),
            },
        };
        // Whoever asks once more is told the same.
        self.0 = Way::Known(outcome.clone());
        Poll::Ready(outcome)
    }
}
