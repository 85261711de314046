//! Events against the fixtures that other languages read too, and what later versions may say.

use std::collections::BTreeMap;

use expect_test::expect_file;
use serde_json::json;

use super::*;
use crate::{
    http::{AdmissionStats, MessageStats, SessionStats},
    partition::Partition,
};

fn number(n: u64) -> Number {
    Number { node: "n1".into(), generation: 1_790_000_000_000, n }
}

fn written() -> Vec<Event> {
    let user = UserId::parse("alice").unwrap();
    let session = SessionId::new(Partition(0xa4), 1);
    let message = MessageId::new(Partition(0xa4), 7);
    let address = IpAddr::from([192, 0, 2, 7]);
    let counted = |name: &str, n| BTreeMap::from([(name.to_owned(), n)]);
    let stats = Stats {
        nodes: 1,
        users: 2,
        sessions: SessionStats { live: 3, parked: 1 },
        messages: MessageStats { accepted: 5, delivered: 8, replayed: 1, dropped: 0 },
        admissions: AdmissionStats { ok: 6, refused: counted("ticket-spent", 1) },
        ends: counted("4409", 2),
        gaps: 0,
    };
    let whats = [
        What::SessionOpened { user: user.clone(), session },
        What::SessionResumed { user: user.clone(), session },
        What::SessionParked { user: user.clone(), session, code: 1006, of: None },
        What::SessionParked { user: user.clone(), session, code: 1006, of: Some("n2".into()) },
        What::SessionEnded { user: user.clone(), session, code: 4409 },
        What::UserOnline { user: user.clone() },
        What::UserOffline { user: user.clone() },
        What::MessageAccepted { message, to: Recipients::User { user, live: 2, parked: 1 } },
        What::MessageAccepted { message, to: Recipients::Everyone { everyone: true } },
        What::TicketRefused {
            problem: ProblemCode::TicketSpent,
            code: Some(4201),
            origin: None,
            address,
        },
        What::TicketRefused {
            problem: ProblemCode::Forbidden,
            code: Some(4403),
            origin: Some(Origin::parse("https://app.example.com").unwrap()),
            address,
        },
        What::TicketRefused {
            problem: ProblemCode::UpgradeRequired,
            code: None,
            origin: None,
            address,
        },
        What::NodeUp { version: "0.1.0".to_owned() },
        What::NodeDraining,
        What::NodeDown,
        What::EngineUp,
        What::EngineDown,
        What::Stats(Box::new(stats)),
        What::Gap(Gap {
            after: number(7),
            until: number(93),
            reason: GapReason::Slow,
            missed: Some(86),
        }),
        What::Gap(Gap {
            after: number(7),
            until: number(0),
            reason: GapReason::Restarted,
            missed: None,
        }),
    ];
    let at = Timestamp(1_790_000_000_000);
    whats.into_iter().map(|what| Event { at, node: "n1".into(), what }).collect()
}

#[test]
fn events_are_written_as_the_fixtures_say_and_read_again() {
    let mut lines = Vec::new();
    for event in written() {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event, "{text}");
        assert!(text.contains(&format!(r#""type":"{}""#, event.what.name())), "{text}");
        lines.push(format!("  {text}"));
    }
    let lines = format!("[\n{}\n]\n", lines.join(",\n"));
    expect_file!["../../fixtures/events.json"].assert_eq(&lines);
}

#[test]
fn every_type_is_in_the_fixtures_and_found_by_its_name() {
    let written = written();
    for kind in Kind::ALL {
        assert!(written.iter().any(|event| event.what.kind() == Some(*kind)), "{kind}");
        assert_eq!(Kind::from_name(kind.name()), Some(*kind));
    }
    assert_eq!(Kind::from_name("session"), None);
}

#[test]
fn events_of_later_versions_are_read_as_far_as_they_can_be() {
    let at = 1_790_000_000_000_u64;
    let read = |value: Value| serde_json::from_value::<Event>(value).unwrap();
    // A field more is no matter.
    let event = read(
        json!({"at": at, "node": "n1", "type": "user.online", "user": "alice", "mood": "good"}),
    );
    assert_eq!(event.what, What::UserOnline { user: UserId::parse("alice").unwrap() });
    // A type that is not known, and a value that is not known, come as they are.
    for unknown in [
        json!({"at": at, "node": "n1", "type": "topic.joined", "user": "alice", "topic": {"id": 7}}),
        json!({"at": at, "node": "n1", "type": "ticket.refused", "problem": "too-late", "address": "::1"}),
        json!({"at": at, "node": "n1", "type": "gap", "after": "n1.1.2", "until": "n1.1.9", "reason": "moon"}),
    ] {
        let event = read(unknown.clone());
        assert_eq!((event.what.kind(), event.what.user()), (None, None));
        assert_eq!(event.what.name(), unknown["type"]);
        assert_eq!(serde_json::to_value(&event).unwrap(), unknown);
        assert!(!format!("{event:?}").contains("moon"));
    }
}

#[test]
fn a_number_is_read_as_it_is_written_and_in_no_other_form() {
    for text in ["n1.1a0c4b4ec00.7", "a.node.of-one_host.0.0", "dev.ff.18446744073709551615"] {
        assert_eq!(text.parse::<Number>().unwrap().to_string(), text);
    }
    for text in [
        "", "7", "1.7", ".1.7", "n1.1.", "n1..7", "n1.1.-7", "n1.1.+7", "n1.1.7 ", "n1.x.7",
        "n1.FF.7",
    ] {
        assert_eq!(text.parse::<Number>(), Err(number::Malformed), "{text:?}");
    }
    assert_eq!("n1.1.18446744073709551616".parse::<Number>(), Err(number::Malformed));
    assert_eq!(format!("{}.1.7", "n".repeat(129)).parse::<Number>(), Err(number::Malformed));
    assert_eq!("a\nb.1.7".parse::<Number>(), Err(number::Malformed));
}
