//! Posts: sends under way, each until it is settled.
//!
//! A socket may be lost between a `send` and its `reply`, and then nobody here knows whether the
//! message was accepted. So it is sent again, over the next socket and with the same key, by which
//! the server knows it. Each has a time by which it is settled in any case, and there is a bound
//! on how many there are.

use std::{collections::VecDeque, time::Duration};

use protocol::{
    frame::{
        ReplyError, ReplyOutcome,
        said::{self, Said},
    },
    problem::ProblemCode,
};

use super::moment::Moment;
use crate::outgoing::{Halt, Letter, Outcome, SendError, Sent};

/// Sends under way at most: more than an app has while it is away for some seconds, and little
/// enough to be written in one go.
const POSTS_MAX: usize = 100;

/// When a send is repeated of which the server itself does not know whether it was accepted.
const UNKNOWN_RETRY: Duration = Duration::from_secs(1);

/// By which the app's side tells its sends apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PostId(pub(crate) u64);

/// A send.
#[derive(Debug)]
struct Post {
    id: PostId,
    letter: Letter,
    key: String,
    /// When it is settled in any case.
    until: Moment,
    way: Way,
    /// Whether it may have been accepted: it was on a socket that was lost, or the server said so.
    unsure: bool,
}

#[derive(Debug)]
enum Way {
    /// It waits for a socket.
    Waiting,
    /// It is on the socket, and the reply is to come.
    Written,
    /// The server cannot take it now. It is tried again then.
    PutOff(Moment, ReplyError),
}

impl Post {
    /// What is known of it when it is given up.
    fn failure(&self, halt: Halt) -> SendError {
        match &self.way {
            _ if self.unsure => SendError::Unanswered(halt),
            Way::Waiting => SendError::NotSent(halt),
            Way::Written => SendError::Unanswered(halt),
            Way::PutOff(_, error) => SendError::Refused(error.clone()),
        }
    }
}

/// All sends under way, in the order in which they were asked for.
#[derive(Debug)]
pub(super) struct Posts {
    posts: VecDeque<Post>,
    /// What keys of our own begin with.
    key: String,
}

impl Posts {
    pub(super) fn new(key: String) -> Self {
        Self { posts: VecDeque::new(), key }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    /// One more, if there is room.
    pub(super) fn add(&mut self, id: PostId, letter: Letter, until: Moment) -> Option<SendError> {
        if self.posts.len() >= POSTS_MAX {
            return Some(SendError::Full);
        }
        let key = letter.key.clone().unwrap_or_else(|| format!("{}-{}", self.key, id.0));
        let way = Way::Waiting;
        self.posts.push_back(Post { id, letter, key, until, way, unsure: false });
        None
    }

    /// The frame of the next one that is to be written now.
    pub(super) fn write(&mut self, now: Moment) -> Option<String> {
        let post = self.posts.iter_mut().find(|post| match &post.way {
            Way::Waiting => true,
            Way::PutOff(until, _) => *until <= now,
            Way::Written => false,
        })?;
        post.way = Way::Written;
        let letter = &post.letter;
        let send = said::Send {
            reference: Some(&post.id.0.to_string()),
            user: &letter.user,
            data: &letter.data,
            to: letter.to.as_ref(),
            volatile: letter.volatile,
            ttl: letter.ttl,
            echo: letter.echo,
            key: Some(&post.key).filter(|_| !letter.volatile).map(String::as_str),
        };
        Some(Said::Send(send).text())
    }

    /// A reply came: settles the send that it answers, or puts it off if the server asks for that.
    pub(super) fn replied(
        &mut self,
        now: Moment,
        reference: &str,
        outcome: ReplyOutcome,
    ) -> Option<(PostId, Outcome)> {
        let id = PostId(reference.parse().ok()?);
        let at = self.posts.iter().position(|post| post.id == id)?;
        let error = match outcome {
            ReplyOutcome::Sent { id: message, echoed } => {
                self.posts.remove(at);
                return Some((id, Ok(Sent { id: message, echoed: echoed.unwrap_or(true) })));
            }
            ReplyOutcome::Refused { error } => error,
        };
        let post = self.posts.get_mut(at)?;
        let unknown = error.code == ProblemCode::AcceptUnknown.name();
        post.unsure |= unknown;
        let retry = match error.retry_ms {
            Some(ms) => Some(Duration::from_millis(ms.max(1))),
            None => unknown.then_some(UNKNOWN_RETRY),
        };
        let again = retry.map(|retry| now.after(retry));
        if let Some(again) = again.filter(|again| *again < post.until && !post.letter.volatile) {
            post.way = Way::PutOff(again, error);
            return None;
        }
        self.posts.remove(at);
        Some((id, Err(SendError::Refused(error))))
    }

    /// The socket is gone: what was not answered is to be written again, but for volatile ones.
    pub(super) fn unwrite(&mut self) -> Vec<(PostId, Outcome)> {
        let settled = self.settle(Halt::NoSocket, |post| post.letter.volatile);
        for post in &mut self.posts {
            if matches!(post.way, Way::Written) {
                post.way = Way::Waiting;
                post.unsure = true;
            }
        }
        settled
    }

    /// Those whose time is over.
    pub(super) fn expire(&mut self, now: Moment) -> Vec<(PostId, Outcome)> {
        self.settle(Halt::TimedOut, |post| post.until <= now)
    }

    /// All of them: there is no session any more.
    pub(super) fn end(&mut self) -> Vec<(PostId, Outcome)> {
        self.settle(Halt::Ended, |_| true)
    }

    fn settle(&mut self, halt: Halt, is_over: impl Fn(&Post) -> bool) -> Vec<(PostId, Outcome)> {
        let mut settled = Vec::new();
        self.posts.retain(|post| {
            let over = is_over(post);
            if over {
                settled.push((post.id, Err(post.failure(halt))));
            }
            !over
        });
        settled
    }

    /// When the next one is over.
    pub(super) fn over(&self) -> Option<Moment> {
        self.posts.iter().map(|post| post.until).min()
    }

    /// When the next one that was put off is to be written again.
    pub(super) fn again(&self) -> Option<Moment> {
        let again = self.posts.iter().filter_map(|post| match post.way {
            Way::PutOff(again, _) => Some(again),
            Way::Waiting | Way::Written => None,
        });
        again.min()
    }
}
