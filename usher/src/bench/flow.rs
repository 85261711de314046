//! Flow: something done again and again, at a rate or as fast as it goes, and measured.
//!
//! First for a while without looking, so that what is done once is over. A measurement begins when
//! nothing is under way, and ends when nothing is again: so all that it counts was paid for within
//! it, and nothing else was.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{
    crowd,
    event::Event,
    fleet::Fleet,
    load::{Load, Wait},
    meter::{Meter, Spent},
    pace::Pace,
    progress::Progress,
    report::Figure,
};
use crate::{
    args::bench::{Plan, Stretch},
    failure::{Failure, Kind},
};

/// How long the last ones may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many are begun before the load looks at what came.
const BEGUN_PER_TURN: u32 = 64;

/// How often the bar is moved.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Digits of a latency that are kept, and the longest that is told from longer ones.
const DIGITS: u8 = 3;
const LATENCY_MAX: Duration = Duration::from_secs(600);

/// What is done again and again.
pub(super) trait Work {
    /// Begins one that was due then, unless it has to wait; whether it did.
    fn begin(&mut self, load: &mut Load, due: Duration) -> Result<bool, Failure>;

    /// Something happened.
    fn told(&mut self, event: Event<'_>, now: Duration, tally: &mut Tally) -> Result<(), Failure>;

    /// Does what is to be done because of it.
    fn act(&mut self, load: &mut Load) -> Result<(), Failure> {
        let _: &mut Load = load;
        Ok(())
    }

    /// How much of what was begun is not over.
    fn under_way(&self) -> u64;

    /// Says what is missing, if anything is.
    fn settle(&self) -> Result<(), Failure>;
}

/// What was done.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) begun: u64,
    /// Of these, and of what came of them, how many arrived.
    pub(super) arrived: u64,
    latency: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let max = u64::try_from(LATENCY_MAX.as_nanos()).unwrap_or(u64::MAX);
        let latency = Histogram::new_with_max(max, DIGITS).expect("these bounds are allowed");
        Self { begun: 0, arrived: 0, latency }
    }

    /// One arrived that had been due then.
    pub(super) fn arrived(&mut self, due: Duration, now: Duration) {
        self.arrived += 1;
        let nanos = now.saturating_sub(due).as_nanos();
        self.latency.saturating_record(u64::try_from(nanos).unwrap_or(u64::MAX));
    }

    /// How long they took, in nanoseconds, and how many so long.
    pub(super) fn times(&self) -> Vec<(u64, u64)> {
        let times = self.latency.iter_recorded();
        times.map(|time| (time.value_iterated_to(), time.count_at_value())).collect()
    }

    /// Others arrived too, which took so long.
    pub(super) fn add(&mut self, times: &[(u64, u64)]) {
        for (nanos, count) in times {
            self.arrived += count;
            self.latency.saturating_record_n(*nanos, *count);
        }
    }

    /// Within how many microseconds so many of a hundred arrived.
    pub(super) fn within_us(&self, percent: f64) -> Option<f64> {
        self.us(self.latency.value_at_percentile(percent))
    }

    fn us(&self, nanos: u64) -> Option<f64> {
        Some(nanos as f64 / 1000.0).filter(|_| !self.latency.is_empty())
    }

    /// How long they took.
    pub(super) fn latencies(&self) -> Vec<Figure> {
        let at = |percent| self.within_us(percent);
        vec![
            Figure::real("latency_p50_us", "latency, median", at(50.0), " us"),
            Figure::real("latency_p90_us", "90 of 100 within", at(90.0), " us"),
            Figure::real("latency_p99_us", "99 of 100 within", at(99.0), " us"),
            Figure::real("latency_p999_us", "999 of 1000 within", at(99.9), " us"),
            Figure::real("latency_max_us", "longest", self.us(self.latency.max()), " us"),
        ]
    }
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) tally: Tally,
    pub(super) spent: Spent,
}

impl Measured {
    /// How many messages there were, and what each cost the servers, if that can be told.
    pub(super) fn messages(&self, us_each: Option<f64>) -> Vec<Figure> {
        let Self { tally, spent } = self;
        let per_second = spent.per_second(tally.begun);
        vec![
            Figure::count("messages", "messages", tally.begun),
            Figure::count("deliveries", "delivered", tally.arrived),
            Figure::real("messages_per_second", "messages each second", per_second, ""),
            Figure::real("server_us_per_message", "server CPU for each message", us_each, " us"),
        ]
    }

    /// Figures, and behind them those of whatever is measured.
    pub(super) fn with(&self, mut figures: Vec<Figure>) -> Vec<Figure> {
        figures.extend(self.tally.latencies());
        figures.extend(self.spent.figures());
        figures
    }
}

/// What was asked for, where messages go at a rate.
pub(super) fn asked(sessions: usize, size: usize, plan: &Plan) -> [Figure; 3] {
    let rate = u64::from(plan.rate.unwrap_or_default());
    [
        Figure::count("sessions", "sessions", crowd::number(sessions)),
        Figure::bytes("message_bytes", "data of a message", crowd::number(size)),
        Figure::count("rate_per_second", "rate asked for", rate),
    ]
}

/// Does it as planned.
pub(super) fn measure(
    fleet: &Fleet,
    load: &mut Load,
    work: &mut impl Work,
    plan: &Plan,
) -> Result<Measured, Failure> {
    stretch(load, work, plan.rate, Stretch::For(plan.warm_up), "warming up")?;
    let meter = Meter::start(fleet, load)?;
    let tally = stretch(load, work, plan.rate, plan.stretch(), "measuring")?;
    let spent = meter.stop(load)?;
    Ok(Measured { tally, spent })
}

/// Does it for a stretch.
pub(super) fn stretch(
    load: &mut Load,
    work: &mut impl Work,
    rate: Option<u32>,
    stretch: Stretch,
    what: &'static str,
) -> Result<Tally, Failure> {
    let start = load.now();
    let mut tally = Tally::new();
    let mut pace = Pace::new(rate, start);
    let progress = match stretch {
        Stretch::For(time) => Progress::until(time, what),
        Stretch::Count(count) => Progress::of(count, what),
    };
    let (mut last_begun, mut shown) = (start, start);
    let clock = load.clock();
    loop {
        let now = load.now();
        let is_over = |begun| match stretch {
            Stretch::For(time) => now >= start + time,
            Stretch::Count(count) => begun >= count,
        };
        for _ in 0..BEGUN_PER_TURN {
            let Some(due) = pace.due(now).filter(|_| !is_over(tally.begun)) else { break };
            if !work.begin(load, due)? {
                break;
            }
            tally.begun += 1;
            pace.done();
            last_begun = now;
        }
        if work.under_way() == 0 && is_over(tally.begun) {
            return Ok(tally);
        }
        if work.under_way() > 0 && now > last_begun + PATIENCE {
            work.settle()?;
            return Err(Failure::new(Kind::TimedOut, "the server does not answer any more"));
        }
        load.turn(Wait::Not, |event| work.told(event, clock.now(), &mut tally))?;
        work.act(load)?;
        if now > shown + SHOWN_EVERY {
            shown = now;
            match stretch {
                Stretch::For(_) => progress.passed(now - start),
                Stretch::Count(_) => progress.at(tally.begun),
            }
        }
    }
}

#[cfg(test)]
mod tests;
