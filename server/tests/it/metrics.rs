//! Metrics and statistics: text that programs can read, and figures that agree with what was done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    node::{Node, config, with_node},
    peer::Peer,
};

/// Metrics, as a program reads them.
#[derive(Debug, Default)]
struct Metrics {
    /// The kind of each family.
    kinds: BTreeMap<String, String>,
    /// The value of each series, by its name with its labels.
    series: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads the text format of Prometheus 0.0.4, strictly.
    fn parse(text: &str) -> Self {
        let (mut found, mut helped) = (Self::default(), BTreeSet::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let (word, rest) = rest.split_once(' ').unwrap();
                let (name, rest) = rest.split_once(' ').unwrap();
                let is_new = match word {
                    "HELP" => helped.insert(name.to_owned()),
                    "TYPE" => found.kinds.insert(name.to_owned(), rest.to_owned()).is_none(),
                    _ => panic!("{line}"),
                };
                assert!(is_new, "{line} is there twice");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
                None => (series, ""),
            };
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (name, value) = label.split_once("=\"").unwrap();
                assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{line}");
                let value = value.strip_suffix('"').unwrap();
                assert!(!value.contains(['"', '\\', '\n']), "{line}");
            }
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let family = name.strip_suffix(end)?;
                (found.kinds.get(family)? == "histogram").then_some(family)
            });
            let family = family.unwrap_or(name);
            let kind = found.kinds.get(family).unwrap_or_else(|| panic!("{line} has no type"));
            assert!(helped.contains(family), "{line} has no help");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            let value = match value {
                "+Inf" => f64::INFINITY,
                value => value.parse().unwrap(),
            };
            assert!(value >= 0.0, "{line}");
            let is_new = found.series.insert(series.to_owned(), value).is_none();
            assert!(is_new, "{line} is there twice");
        }
        found
    }

    async fn of(node: &Node) -> Self {
        let response = node.call("GET", "/metrics", &Value::Null).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        Self::parse(&response.body)
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, f64)]) {
        for (series, value) in expected {
            let found = self.series.get(*series);
            assert_eq!(found, Some(value), "{series} of {:#?}", self.series);
        }
    }
}

/// A life with a bit of everything: two users, three sessions, messages, a resume, a refusal.
async fn live(node: &Node) -> Vec<Peer> {
    let mut alice = node.join("alice").await;
    let mut other = node.join("alice").await;
    let mut bob = node.join("bob").await;
    for session in [&mut alice, &mut other] {
        session.in_step().await;
    }
    for _ in 0..3 {
        node.send("alice", &json!({"data": 1})).await;
    }
    alice.messages(3).await;
    other.messages(3).await;
    let mut watch = node.watch();
    let (id, token, position) = (other.id.clone(), other.token.clone(), other.position.clone());
    other.peer.vanish();
    watch.parked(&id).await;
    node.send("alice", &json!({"data": 2})).await;
    alice.messages(1).await;
    let mut other = node.resume(&token, &position).await;
    other.messages(1).await;
    other.caught_up().await;
    bob.send(&json!({"type": "dance"})).await;
    bob.send(&json!({"type": "leave"})).await;
    watch.ended(&bob.id).await;
    node.send("bob", &json!({"data": 3})).await;
    let ticket = node.ticket(&json!({"user": "carol"})).await;
    let first = node.dial("", &format!("usher.v1, ticket.{ticket}")).await;
    let mut carol = crate::peer::Session::welcomed(first).await;
    let mut spent = node.dial("", &format!("usher.v1, ticket.{ticket}")).await;
    spent.closed_with(4201, "ticket-spent").await;
    for session in [&mut alice, &mut other, &mut carol] {
        session.in_step().await;
    }
    vec![alice.peer, other.peer, carol.peer]
}

#[test]
fn metrics_can_be_read_and_agree_with_what_was_done() {
    with_node(config(), async |node| {
        let none = Metrics::of(node).await;
        none.check(&[
            ("usher_sessions{state=\"live\"}", 0.0),
            ("usher_sessions{state=\"parked\"}", 0.0),
            ("usher_users", 0.0),
            ("usher_messages_total{result=\"accepted\"}", 0.0),
            ("usher_engine_up", 1.0),
            ("usher_engine_full", 0.0),
            ("usher_ready", 1.0),
            (&format!("usher_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0),
        ]);
        let peers = live(node).await;
        let metrics = Metrics::of(node).await;
        metrics.check(&[
            ("usher_sessions{state=\"live\"}", 3.0),
            ("usher_sessions{state=\"parked\"}", 0.0),
            ("usher_users", 2.0),
            ("usher_admissions_total{result=\"opened\"}", 4.0),
            ("usher_admissions_total{result=\"resumed\"}", 1.0),
            ("usher_admissions_total{result=\"ticket-spent\"}", 1.0),
            ("usher_session_parks_total{code=\"1006\"}", 1.0),
            ("usher_session_ends_total{code=\"1000\"}", 1.0),
            ("usher_messages_total{result=\"accepted\"}", 5.0),
            ("usher_deliveries_total{kind=\"live\"}", 7.0),
            ("usher_deliveries_total{kind=\"replayed\"}", 1.0),
            ("usher_deliveries_total{kind=\"dropped\"}", 0.0),
            ("usher_gaps_total{reason=\"expired\"}", 0.0),
            ("usher_gaps_total{reason=\"overflow\"}", 0.0),
            ("usher_gaps_total{reason=\"epoch\"}", 0.0),
            ("usher_delivery_seconds_count", 4.0),
            ("usher_delivery_seconds_bucket{le=\"+Inf\"}", 4.0),
            ("usher_delivery_seconds_bucket{le=\"10\"}", 4.0),
            ("usher_outbox_bytes", 0.0),
            ("usher_notices_total{result=\"taken\"}", 4.0),
            ("usher_unknown_frames_total", 1.0),
            ("usher_event_watchers", 0.0),
        ]);
        assert!(metrics.series["usher_sockets"] >= 3.0);
        for (name, least) in [
            ("process_start_time_seconds", 1e9),
            ("process_resident_memory_bytes", 1e5),
            ("process_open_fds", 10.0),
            ("process_max_fds", 10.0),
            ("process_cpu_seconds_total", 0.0),
        ] {
            assert!(metrics.series[name] >= least, "{name}");
        }
        let users = ["alice", "bob", "carol"];
        assert!(
            metrics.series.keys().all(|series| users.iter().all(|user| !series.contains(user)))
        );
        let buckets = metrics.series.iter().filter(|(name, _)| name.contains("_bucket"));
        assert_eq!(buckets.count(), 13);
        drop(peers);
    });
}

#[test]
fn statistics_agree_with_what_was_done() {
    with_node(config(), async |node| {
        let peers = live(node).await;
        let stats = node.ask("GET", "/v1/stats", &Value::Null).await;
        let expected = json!({
            "at": stats["at"], "nodes": 1, "users": 2,
            "sessions": {"live": 3, "parked": 0},
            "messages": {"accepted": 5, "delivered": 7, "replayed": 1, "dropped": 0},
            "admissions": {"ok": 5, "refused": {"ticket-spent": 1}},
            "ends": {"1000": 1},
            "gaps": 0,
        });
        assert_eq!(stats, expected);
        drop(peers);
    });
}

#[test]
fn the_other_format_is_written_for_those_who_accept_it() {
    with_node(config(), async |node| {
        let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        let mut caller = node.caller().await;
        let response = caller.call_with("GET", "/metrics", &[("Accept", accept)], b"").await;
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(response.header("content-type"), Some(kind));
        assert!(response.body.ends_with("# EOF\n"), "{}", response.body);
        for line in [
            "# TYPE usher_build info",
            "# TYPE usher_messages counter",
            "usher_messages_total{result=\"accepted\"} 0",
            "# UNIT usher_delivery_seconds seconds",
            "# UNIT usher_outbox_bytes bytes",
        ] {
            assert!(response.body.lines().any(|found| found == line), "{line}: {}", response.body);
        }
    });
}

#[test]
fn a_node_that_goes_away_is_not_ready_by_its_metrics_either() {
    with_node(config(), async |node| {
        node.running.drain().await;
        Metrics::of(node).await.check(&[("usher_ready", 0.0), ("usher_engine_up", 1.0)]);
        let refused = node.call("POST", "/v1/users/alice/messages", &json!({"data": 1})).await;
        assert_eq!(refused.status, 503);
        let metrics = Metrics::of(node).await;
        metrics.check(&[("usher_messages_total{result=\"draining\"}", 1.0)]);
    });
}
