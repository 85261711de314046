//! Metrics: the numbers of a node, as programs that watch servers read them.
//!
//! Made anew for each that asks, from the tally and from those who know what there is now. In the
//! format of OpenMetrics 1.0 for those who ask for it, else in that of Prometheus 0.0.4. No label
//! names a user: there would be as many series as users.

use std::{borrow::Cow, convert::Infallible, fmt, sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::ACCEPT, request::Parts};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text},
    metrics::MetricType,
    registry::{Registry, Unit},
};
use protocol::{limit, problem::ProblemCode};
use tokio::time::timeout;

use super::{
    reply::respond,
    shape::{Answer, Gives, Shape, Takes},
};
use crate::{
    answer::Refusal,
    node::{Node, VERSION},
    process::Process,
    tally::TIMES_MS,
};

/// The type of the other format.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long those are waited for who know of all nodes.
const CENSUS_WAIT: Duration = Duration::from_millis(500);

/// Whether OpenMetrics is asked for.
#[derive(Debug)]
pub(super) enum Format {
    OpenMetrics,
    Prometheus,
}

/// The numbers as text.
#[derive(Debug)]
pub(super) struct Written {
    kind: &'static str,
    text: String,
}

/// `GET /metrics`
pub(super) async fn show(
    State(node): State<Arc<Node>>,
    format: Format,
) -> Result<Written, Refusal> {
    let process = tokio::task::spawn_blocking(Process::look).await.unwrap_or_default();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(families(&node, &process).await)));
    let mut text = String::new();
    let (written, kind) = match format {
        Format::OpenMetrics => (text::encode(&mut text, &registry), OPENMETRICS),
        Format::Prometheus => {
            (prometheus_text::encode(&mut text, &registry), prometheus_text::CONTENT_TYPE)
        }
    };
    written.map_err(|error| {
        tracing::error!(%error, "metrics cannot be written");
        Refusal::plain(ProblemCode::Internal)
    })?;
    Ok(Written { kind, text })
}

impl<S: Sync> FromRequestParts<S> for Format {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut accepted = parts.headers.get_all(ACCEPT).iter();
        let is_open =
            |kind: &HeaderValue| kind.as_bytes().windows(12).any(|w| w == b"openmetrics-");
        Ok(if accepted.any(is_open) { Self::OpenMetrics } else { Self::Prometheus })
    }
}

/// Which of two texts it is, is no matter to those who read the document.
impl Takes for Format {
    fn tell(_: &mut Shape) {}
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, self.kind, Bytes::from(self.text))
    }
}

impl Gives for Written {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::text("text/plain");
        shape.problems.push(ProblemCode::Internal);
    }
}

/// Numbers of one name.
#[derive(Debug)]
struct Family {
    /// Without what the unit and the kind add.
    name: &'static str,
    unit: Option<Unit>,
    kind: MetricType,
    help: &'static str,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    One(u64),
    Real(f64),
    /// One for each value of a label.
    By(&'static str, Vec<(Cow<'static, str>, u64)>),
    /// Always 1; the label tells.
    Info(&'static str, &'static str),
    /// Counts up to each bound, each without those before it, and the sum of all.
    Histogram(Vec<(f64, u64)>, f64),
}

const fn gauge(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, unit: None, kind: MetricType::Gauge, help, samples }
}

const fn counter(name: &'static str, help: &'static str, samples: Samples) -> Family {
    Family { name, unit: None, kind: MetricType::Counter, help, samples }
}

fn by<V: Into<Cow<'static, str>>>(
    label: &'static str,
    values: impl IntoIterator<Item = (V, u64)>,
) -> Samples {
    Samples::By(label, values.into_iter().map(|(value, n)| (value.into(), n)).collect())
}

/// All of a node's numbers.
async fn families(node: &Node, process: &Process) -> Vec<Family> {
    let mut families = now(node).await;
    families.extend(so_far(node));
    families.extend(of_process(node, process));
    families
}

/// What there is now.
async fn now(node: &Node) -> Vec<Family> {
    use Samples::One;
    let sums = node.tally.deliveries();
    // A Redis that is silent holds up nobody who wants to know how this node is.
    let census = match node.has_engine() {
        true => timeout(CENSUS_WAIT, node.census()).await.ok().and_then(Result::ok),
        false => None,
    };
    let mut sessions = vec![("live", sums.live_sessions)];
    let mut found = Vec::new();
    if let Some(census) = census {
        sessions.push(("parked", census.parked as u64));
        found.push(gauge("usher_users", "Users who are online", One(census.users as u64)));
    }
    let watchers = limit::EVENT_WATCHERS_MAX - node.watchers.available_permits();
    let (up, ready) = (u64::from(node.has_engine()), u64::from(node.is_ready()));
    let full = u64::from(node.is_full());
    let waiting =
        gauge("usher_outbox", "What waits for sockets of slow sessions", One(sums.outbox_bytes));
    found.extend([
        gauge("usher_sessions", "Sessions, by state", by("state", sessions)),
        gauge(
            "usher_sockets",
            "Open sockets of sessions, those that are closing too",
            One(node.live_sockets() as u64),
        ),
        Family { unit: Some(Unit::Bytes), ..waiting },
        gauge("usher_event_watchers", "Open feeds of events", One(watchers as u64)),
        gauge("usher_engine_up", "Whether the engine answers", One(up)),
        gauge("usher_engine_full", "Whether the engine refuses more for want of room", One(full)),
        gauge("usher_ready", "Whether new sessions should be sent here", One(ready)),
    ]);
    found
}

/// What there was since the start.
fn so_far(node: &Node) -> Vec<Family> {
    use Samples::{Histogram, One};
    let (tally, sums) = (&node.tally, node.tally.deliveries());
    let named = |(problem, n): (ProblemCode, u64)| (problem.name(), n);
    let admissions = [("opened", tally.opened()), ("resumed", tally.resumed())];
    let admissions = admissions.into_iter().chain(tally.refused.counted().map(named));
    let messages = [("accepted", tally.accepted())];
    let messages = messages.into_iter().chain(tally.not_accepted.counted().map(named));
    let deliveries = [("live", sums.live), ("replayed", sums.replayed), ("dropped", sums.dropped)];
    let gaps = &sums.gaps;
    let gaps = [("expired", gaps.expired), ("overflow", gaps.overflow), ("epoch", gaps.epoch)];
    #[expect(clippy::cast_precision_loss, reason = "no bound or sum is near 2^53 ms")]
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let bounds = TIMES_MS.iter().map(|ms| seconds(*ms)).chain([f64::INFINITY]);
    let times = Histogram(bounds.zip(sums.times).collect(), seconds(sums.times_sum_ms));
    let help = "From the acceptance of a message to its writing to sockets, to a millisecond";
    let times = Family { unit: Some(Unit::Seconds), ..gauge("usher_delivery", help, times) };
    vec![
        counter(
            "usher_admissions",
            "Connect attempts, by what became of them",
            by("result", admissions),
        ),
        counter(
            "usher_session_parks",
            "Sessions that lost their socket, by close code",
            by("code", tally.parked.counted()),
        ),
        counter(
            "usher_session_ends",
            "Sessions that ended, by close code",
            by("code", tally.ended.counted()),
        ),
        counter("usher_messages", "Messages, by what became of them", by("result", messages)),
        counter("usher_deliveries", "Messages given to sessions, by how", by("kind", deliveries)),
        counter("usher_gaps", "Gaps that sessions were told of, by reason", by("reason", gaps)),
        Family { kind: MetricType::Histogram, ..times },
        counter(
            "usher_notices",
            "Notices of the engine to this node, by what became of them",
            by("result", [("taken", sums.notices)]),
        ),
        counter(
            "usher_unknown_frames",
            "Frames of types that are not known here",
            One(sums.unknown),
        ),
    ]
}

/// What the operating system says, under the names that all programs use for it.
fn of_process(node: &Node, process: &Process) -> Vec<Family> {
    use Samples::{Info, One, Real};
    let Process { cpu_seconds, resident_bytes, open_fds, max_fds } = *process;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are exact")]
    let started_at = node.started_at().0 as f64 / 1000.0;
    let with = |unit, family| Family { unit: Some(unit), ..family };
    let build = gauge("usher_build", "What runs here", Info("version", VERSION));
    let known = [
        Some(Family { kind: MetricType::Info, ..build }),
        Some(with(
            Unit::Seconds,
            gauge("process_start_time", "Start, since 1970", Real(started_at)),
        )),
        cpu_seconds.map(|seconds| {
            with(Unit::Seconds, counter("process_cpu", "Processor time", Real(seconds)))
        }),
        resident_bytes.map(|bytes| {
            with(Unit::Bytes, gauge("process_resident_memory", "Memory in use", One(bytes)))
        }),
        open_fds.map(|fds| gauge("process_open_fds", "Open descriptors", One(fds))),
        max_fds.map(|fds| gauge("process_max_fds", "Descriptors that may be open", One(fds))),
    ];
    known.into_iter().flatten().collect()
}

/// Families, to be written.
#[derive(Debug)]
struct Metrics(Vec<Family>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Self { name, unit, kind, help, samples } = self;
        let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), *kind)?;
        let is_counter = matches!(kind, MetricType::Counter);
        match samples {
            Samples::One(n) if is_counter => metric.encode_counter::<NoLabelSet, _, u64>(n, None),
            Samples::One(n) => metric.encode_gauge(n),
            Samples::Real(n) if is_counter => metric.encode_counter::<NoLabelSet, _, f64>(n, None),
            Samples::Real(n) => metric.encode_gauge(n),
            Samples::By(label, values) => values.iter().try_for_each(|(value, n)| {
                let labels = [(*label, &**value)];
                let mut metric = metric.encode_family(&labels)?;
                match is_counter {
                    true => metric.encode_counter::<NoLabelSet, _, u64>(n, None),
                    false => metric.encode_gauge(n),
                }
            }),
            Samples::Info(label, value) => metric.encode_info(&[(*label, *value)]),
            Samples::Histogram(buckets, sum) => {
                let count = buckets.iter().map(|(_, n)| n).sum();
                metric.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
            }
        }
    }
}
