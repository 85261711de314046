//! Events: follows what happens at a server, over the public API.
//!
//! When the feed is lost it is asked for again, from the last event on, so that nothing is missed
//! but what a gap tells of. Since silence cannot be told from a dead server here, each feed is
//! asked for anew after a while; nobody notices.

use std::{
    fmt::Display,
    io::{self, BufRead, BufReader},
    thread,
    time::Duration,
};

use protocol::event::Event;
use tokio::sync::oneshot;

use crate::{
    api::{Api, is_over, segment},
    args::{self, Format},
    failure::{Failure, Kind},
    feed, out,
    serve::Stop,
};

/// Waits between tries to come back, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// A pause between two feeds.
const PAUSE: Duration = Duration::from_millis(100);

/// Prints events until told to stop.
pub(crate) fn run(args: args::Events) -> Result<(), Failure> {
    let api = Api::new(&args.server)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let mut stop = runtime.block_on(Stop::watch())?;
    let (over, ended) = oneshot::channel();
    // It reads what may never come, so it ends with the process.
    thread::spawn(move || {
        let failure = Follow::new(api, &args).for_ever();
        over.send(failure).ok();
    });
    runtime.block_on(async {
        tokio::select! {
            failure = ended => match failure {
                Ok(failure) => Err(failure),
                Err(_) => Err(Failure::failed("events are not followed any more")),
            },
            () = stop.called() => Ok(()),
        }
    })
}

/// One who follows.
struct Follow {
    api: Api,
    path: String,
    format: Format,
    colourful: bool,
    /// The last event that was printed, or passed by.
    last: Option<String>,
}

impl Follow {
    fn new(api: Api, args: &args::Events) -> Self {
        let user = args.user.iter().map(|user| format!("user={}", segment(user.as_str())));
        let types = args.r#type.iter().map(|name| format!("type={}", segment(name)));
        let query = user.chain(types).collect::<Vec<_>>().join("&");
        let path = match query.is_empty() {
            true => "/v1/events".to_owned(),
            false => format!("/v1/events?{query}"),
        };
        Self {
            api,
            path,
            format: args.output,
            colourful: out::is_colourful(&io::stdout()),
            last: None,
        }
    }

    /// Follows; returns why that is of no use any more.
    fn for_ever(mut self) -> Failure {
        let mut was_here = false;
        let mut away = Away::default();
        loop {
            match self.api.feed(&self.path, self.last.as_deref()) {
                Ok(lines) => {
                    was_here = true;
                    away.is_over(self.last.as_deref());
                    match self.print(BufReader::new(lines)) {
                        Err(error) if is_over(&error) => {}
                        Err(error) => away.begins(&error),
                        Ok(()) => away.begins(&"the server ended the feed"),
                    }
                    thread::sleep(PAUSE);
                }
                Err(failure) if was_here && may_pass(&failure) => {
                    away.begins(&failure);
                    away.wait();
                }
                Err(failure) => return failure,
            }
        }
    }

    /// Prints events until the feed ends.
    fn print(&mut self, mut lines: impl BufRead) -> io::Result<()> {
        while let Some(block) = Block::read(&mut lines)? {
            if block.id.is_some() {
                self.last = block.id;
            }
            let Some(data) = block.data else { continue };
            match self.format {
                Format::Json => out::line(data),
                Format::Table => match serde_json::from_str::<Event>(&data) {
                    Ok(event) => out::line(feed::line(&event, &self.api.at(""), self.colourful)),
                    Err(error) => out::note(format!("an event cannot be read: {error}")),
                },
            }
        }
        Ok(())
    }
}

/// Whether the server may answer otherwise later.
fn may_pass(failure: &Failure) -> bool {
    match failure.kind() {
        Kind::Unreachable | Kind::TimedOut | Kind::Overloaded => true,
        Kind::Failed | Kind::Usage | Kind::NotFound | Kind::KeyRefused => false,
    }
}

/// The time without a feed: what is told of it, and how long to wait before the next try.
#[derive(Debug, Default)]
struct Away(Option<Duration>);

impl Away {
    fn begins(&mut self, why: &impl Display) {
        if self.0.is_none() {
            out::note(format!("{why}; trying to come back"));
            self.0 = Some(RETRY.0);
        }
    }

    fn wait(&mut self) {
        let wait = self.0.unwrap_or(RETRY.0);
        thread::sleep(wait);
        self.0 = Some((wait * 2).min(RETRY.1));
    }

    fn is_over(&mut self, last: Option<&str>) {
        if self.0.take().is_some() {
            let after = last.map(|last| format!(", after {last}"));
            out::note(format!("back again{}", after.unwrap_or_default()));
        }
    }
}

/// Lines up to an empty one (HTML standard, section 9.2.6), as far as this server writes them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    id: Option<String>,
    data: Option<String>,
}

impl Block {
    /// The next one; none at the end, or where the end cuts it off.
    fn read(lines: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut block = Self::default();
        loop {
            let mut line = Vec::new();
            lines.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                return Ok(None);
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                return Ok(Some(block));
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => block.id = Some(value.to_owned()),
                "data" => match &mut block.data {
                    None => block.data = Some(value.to_owned()),
                    Some(data) => *data = format!("{data}\n{value}"),
                },
                // What it is, its data says too; comments and the rest are not for us.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
