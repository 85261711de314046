//! Feed: what one watcher gets, and the task that writes it.
//!
//! The task reads the journal at the watcher's pace and makes text of it. Who reads nothing for long
//! is cut off, and so is, when the node stops, who does not take the end: a watcher never holds up
//! an exit.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::Frame;
use protocol::{
    event::{Event, Number, What},
    limit,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    http::shape::{Answer, Gives, Shape},
    journal::{Numbered, Watcher},
    node::Node,
};

/// The media type of the feed.
const KIND: &str = "text/event-stream";

/// Events that wait for a watcher's socket. Those behind them wait in the journal.
pub(super) const WAITING: usize = 16;

/// How long a watcher may take to read the end of the feed.
pub(super) const END_WAIT: Duration = Duration::from_secs(1);

/// What a watcher that lost the feed should wait before it comes back, in milliseconds.
const RETRY_MS: u64 = 1000;

/// Ends the socket that a request came by, whatever is under way on it.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Cut(Arc<Notify>);

impl Cut {
    fn off(&self) {
        self.0.notify_one();
    }

    /// Returns when the socket is to end.
    pub(in crate::http) async fn wanted(&self) {
        self.0.notified().await;
    }
}

/// What one watcher gets.
pub(super) struct Feed {
    pub(super) node: Arc<Node>,
    pub(super) watcher: Watcher,
    pub(super) out: mpsc::Sender<Bytes>,
    pub(super) cut: Cut,
    /// Room for it among all watchers.
    pub(super) place: OwnedSemaphorePermit,
}

impl Feed {
    /// Writes until the journal or the watcher ends.
    pub(super) async fn run(mut self, wants_stats: bool, is_new: bool) {
        // Who comes back has an id already, and is perhaps told of a gap after it.
        let place = if is_new { id(&self.watcher.seen()) } else { String::new() };
        if self.write(format!("retry: {RETRY_MS}\n{place}\n")).await {
            self.tell(wants_stats).await;
        }
        let Self { out, cut, place, .. } = self;
        drop((out, place));
        sleep(END_WAIT).await;
        cut.off();
    }

    /// Writes what happens.
    async fn tell(&mut self, wants_stats: bool) {
        let mut stats = interval(limit::STATS_EVERY);
        stats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silence = pin!(sleep(limit::EVENT_COMMENT));
        loop {
            let text = tokio::select! {
                next = self.watcher.next() => match next {
                    Some(next) => block(&next),
                    None => return,
                },
                _ = stats.tick(), if wants_stats => match self.stats().await {
                    Some(event) => text(&event),
                    None => continue,
                },
                () = &mut silence => format!(":\n{}", id(&self.watcher.seen())),
                () = self.out.closed() => return,
            };
            if !self.write(text + "\n").await {
                return;
            }
            silence.as_mut().reset(Instant::now() + limit::EVENT_COMMENT);
        }
    }

    async fn stats(&self) -> Option<Event> {
        let stats = self.node.stats().await.ok()?.stats;
        Some(self.watcher.event(What::Stats(Box::new(stats))))
    }

    /// Whether the watcher goes on taking what it is given.
    async fn write(&self, text: String) -> bool {
        let wait = async {
            tokio::select! {
                () = sleep(limit::EVENT_STALL) => {}
                () = async { self.watcher.closed().await; sleep(END_WAIT).await } => {}
            }
        };
        let sent = tokio::select! {
            sent = self.out.send(Bytes::from(text)) => sent.is_ok(),
            () = wait => false,
        };
        if !sent {
            tracing::debug!("a watcher of events is gone, or reads too slowly");
        }
        sent
    }
}

fn id(number: &Number) -> String {
    format!("id: {number}\n")
}

/// An event, and the place where a watcher goes on after it: the last id counts, even without data.
fn block(next: &Numbered) -> String {
    let place = next.place.as_ref().map(|place| format!("\n{}", id(place)));
    id(&next.number) + &text(&next.event) + &place.unwrap_or_default()
}

fn text(event: &Event) -> String {
    match serde_json::to_string(event) {
        Ok(data) => format!("event: {}\ndata: {data}\n", event.what.name()),
        Err(error) => {
            tracing::error!(%error, "an event cannot be written");
            ":\n".to_owned()
        }
    }
}

/// The answer: lines, for as long as anybody reads them.
#[derive(Debug)]
pub(in crate::http) struct Lines(pub(super) mpsc::Receiver<Bytes>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|lines| lines.map(|lines| Ok(Frame::data(lines))))
    }
}

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(KIND)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // A proxy that collects answers would show nothing for long.
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ];
        let mut response = Body::new(self).into_response();
        response.headers_mut().extend(headers);
        response
    }
}

impl Gives for Lines {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::text(KIND);
    }
}

#[cfg(test)]
mod tests;
