//! Sessions that lose their socket and come back: nothing is lost, doubled or out of order, and
//! only who should comes back.

use std::time::Duration;

use protocol::http::TicketReply;
use serde_json::{Value, json};
use server::{
    clock::Clock,
    config::{Config, Limits, Session as SessionConfig},
};

use crate::{
    frame::{self, Frame},
    node::{Node, config, passed, text, with_node},
    peer::{Peer, Session},
};

fn numbers(range: std::ops::Range<u32>) -> Vec<Value> {
    range.map(Value::from).collect()
}

async fn send_numbers(node: &Node, user: &str, range: std::ops::Range<u32>) {
    let mut caller = node.caller().await;
    for number in range {
        let path = format!("/v1/users/{user}/messages");
        caller.ask("POST", &path, &json!({"data": number})).await;
    }
}

/// Loses the socket, waits until the node knows, and tells the code that it gives the loss.
async fn lose(node: &Node, session: Session) -> (String, String) {
    let mut watch = node.watch();
    let Session { peer, id, token, position, .. } = session;
    peer.vanish();
    assert_eq!(watch.parked(&id).await, 1006);
    (token, position)
}

/// Tries to come back: the close code and reason that this is refused with.
async fn refused(node: &Node, token: &str, after: &str, code: u16, reason: &str) {
    node.try_resume(token, after).await.closed_with(code, reason).await;
}

#[test]
fn f23_a_socket_lost_in_any_way_is_resumed_and_what_was_missed_is_replayed_in_order() {
    async fn check(node: &Node, how: &str, lose: impl AsyncFnOnce(Peer), code: u16) {
        let mut session = node.join("alice").await;
        send_numbers(node, "alice", 0..2).await;
        assert_eq!(session.messages(2).await, numbers(0..2));
        let mut watch = node.watch();
        lose(session.peer).await;
        assert_eq!(watch.parked(&session.id).await, code, "{how}");

        let sent = node.send("alice", &json!({"data": 2})).await;
        assert_eq!((&sent["live"], &sent["parked"]), (&json!(0), &json!(1)), "{how}: {sent}");
        send_numbers(node, "alice", 3..7).await;

        let mut back = node.resume(&session.token, &session.position).await;
        assert_eq!(back.welcome["resumed"], true);
        assert_eq!(back.welcome["session"], session.id);
        assert_eq!(back.position, session.position);
        assert_ne!(back.token, session.token);
        for number in 2..7 {
            let message = back.message().await;
            assert_eq!((&message["data"], &message["replayed"]), (&json!(number), &json!(true)));
        }
        back.caught_up().await;
        send_numbers(node, "alice", 7..8).await;
        let live = back.message().await;
        assert_eq!((&live["data"], live.get("replayed")), (&json!(7), None));
        back.in_step().await;
        let mut watch = node.watch();
        back.send(&json!({"type": "leave"})).await;
        watch.ended(&session.id).await;
    }

    with_node(config(), async |node| {
        check(node, "FIN", async |peer| peer.vanish(), 1006).await;
        check(node, "RST", async |peer| peer.reset(), 1006).await;
        let half = frame::json(&json!({"type": "active"}));
        let half = &half[..half.len() / 2];
        let cut_off = async |mut peer: Peer| {
            peer.write(half).await;
            peer.reset();
        };
        check(node, "RST in mid-frame", cut_off, 1006).await;
        for code in [1001, 1011, 3000, 4999] {
            let say = async |mut peer: Peer| {
                peer.write(&frame::close(code, b"")).await;
                peer.closed_with(code, "").await;
            };
            check(node, "close", say, code).await;
        }
    });
}

#[test]
fn j9_the_old_token_is_good_until_the_first_frame_after_the_welcome() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let (first, position) = lose(node, session).await;
        // Its welcome may have been lost, so it comes back once more with the token it knows.
        let second = node.resume(&first, &position).await;
        let (second, _) = lose(node, second).await;
        let third = node.resume(&first, &position).await;
        // The token of the welcome that was lost is void now.
        refused(node, &second, &position, 4202, "cannot-resume").await;
        let mut third = third;
        third.caught_up().await;
        third.in_step().await;
        refused(node, &first, &position, 4202, "cannot-resume").await;
        let (third, _) = lose(node, third).await;
        refused(node, &first, &position, 4202, "cannot-resume").await;
        let mut fourth = node.resume(&third, &position).await;
        fourth.caught_up().await;
        // A pong shows it as well as any other frame.
        fourth.write(&frame::masked(frame::PONG, b"")).await;
        fourth.in_step().await;
        refused(node, &third, &position, 4202, "cannot-resume").await;
    });
}

#[test]
fn a_socket_that_is_taken_over_closes_with_4205_and_gets_nothing_more() {
    with_node(config(), async |node| {
        let mut first = node.join("alice").await;
        let mut second = node.resume(&first.token, &first.position).await;
        assert_eq!(second.welcome["session"], first.id);
        second.caught_up().await;
        first.closed_with(4205, "taken-over").await;
        send_numbers(node, "alice", 0..3).await;
        assert_eq!(second.messages(3).await, numbers(0..3));
        // One session, not two.
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!((&user["live"], &user["parked"]), (&json!(1), &json!(0)), "{user}");
    });
}

#[test]
fn j9_who_left_cannot_resume() {
    async fn check(node: &Node, last: &[u8], answer: Option<(u16, String)>, code: u16) {
        let mut session = node.join("alice").await;
        let mut watch = node.watch();
        session.write(last).await;
        assert_eq!(session.next().await, Some(Frame::Close(answer)));
        session.at_end().await;
        assert_eq!(watch.ended(&session.id).await, code);
        refused(node, &session.token, &session.position, 4202, "cannot-resume").await;
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!(user["online"], false, "{user}");
    }

    with_node(config(), async |node| {
        let normal = Some((1000, String::new()));
        check(node, &frame::json(&json!({"type": "leave"})), normal.clone(), 1000).await;
        check(node, &frame::close(1000, b"bye"), normal, 1000).await;
        check(node, &frame::masked(frame::CLOSE, b""), None, 1005).await;
    });
}

#[test]
fn j9_a_session_that_was_kicked_stays_out() {
    with_node(config(), async |node| {
        // While its socket is open.
        let mut session = node.join("alice").await;
        let path = format!("/v1/sessions/{}", session.id);
        let mut watch = node.watch();
        assert_eq!(node.ask("DELETE", &path, &Value::Null).await, json!({"closed": 1}));
        assert_eq!(session.json().await, json!({"type": "closing", "code": 4410}));
        session.closed_with(4410, "closed-by-backend").await;
        assert_eq!(watch.ended(&session.id).await, 4410);
        refused(node, &session.token, &session.position, 4410, "closed-by-backend").await;
        // The same without usher.v1 is a problem over HTTP.
        let query = format!("?resume={}&after={}", session.token, session.position);
        let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
        assert_eq!((problem.status, problem.code().as_str()), (403, "closed-by-backend"));

        // While it is parked, together with the user's others but one.
        let parked = node.join("alice").await;
        let kept = node.join("alice").await;
        let (token, position) = lose(node, parked).await;
        let path = format!("/v1/users/alice/sessions?except={}", kept.id);
        assert_eq!(node.ask("DELETE", &path, &Value::Null).await, json!({"closed": 1}));
        refused(node, &token, &position, 4410, "closed-by-backend").await;
        let mut kept = kept;
        kept.in_step().await;
    });
}

#[test]
fn j9_a_session_that_was_replaced_hears_by_whom_and_stays_out() {
    with_node(config(), async |node| {
        let request = json!({"user": "alice", "device": "phone", "policy": "single"});
        let mut first = node.join_with(&request).await;
        let mut second = node.join_with(&request).await;
        let closing = first.typed("closing").await;
        assert_eq!(closing["code"], 4409);
        assert_eq!(closing.get("retry_ms"), None);
        assert_eq!(closing["by"]["session"], second.id);
        assert_eq!(closing["by"]["device"], "phone");
        assert!(closing["by"]["at"].as_u64().unwrap() <= Clock::timestamp().0);
        first.closed_with(4409, "replaced").await;
        refused(node, &first.token, &first.position, 4409, "replaced").await;
        send_numbers(node, "alice", 0..1).await;
        assert_eq!(second.messages(1).await, numbers(0..1));

        // A parked one is replaced too, and told when it comes back.
        let (token, position) = lose(node, second).await;
        let mut third = node.join_with(&request).await;
        refused(node, &token, &position, 4409, "replaced").await;
        third.in_step().await;
    });
}

#[test]
fn h16_a_session_refused_for_its_limit_keeps_its_ticket() {
    with_node(config(), async |node| {
        let policy = json!({"max": 1, "when_full": "reject"});
        let request = json!({"user": "alice", "policy": policy});
        let mut first = node.join_with(&request).await;
        let ticket = node.ticket(&request).await;
        let offer = format!("usher.v1, ticket.{ticket}");
        node.dial("", &offer).await.closed_with(4423, "limit-reached").await;
        let query = format!("?ticket={ticket}");
        let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
        assert_eq!((problem.status, problem.code().as_str()), (409, "limit-reached"));
        first.in_step().await;

        let mut watch = node.watch();
        first.send(&json!({"type": "leave"})).await;
        watch.ended(&first.id).await;
        Session::welcomed(node.dial("", &offer).await).await;
    });
}

#[test]
fn a_ticket_with_after_opens_a_new_session_that_goes_on_from_there() {
    with_node(config(), async |node| {
        let mut old = node.join("alice").await;
        send_numbers(node, "alice", 0..5).await;
        assert_eq!(old.messages(2).await, numbers(0..2));
        for query in [true, false] {
            let ticket = node.ticket(&json!({"user": "alice"})).await;
            let peer = match query {
                true => {
                    let query = format!("?ticket={ticket}&after={}", old.position);
                    node.dial(&query, "usher.v1").await
                }
                false => {
                    let offer = format!("usher.v1, ticket.{ticket}, after.{}", old.position);
                    node.dial("", &offer).await
                }
            };
            let mut new = Session::welcomed(peer).await;
            assert_eq!(new.welcome["resumed"], false);
            assert_ne!(new.id, old.id);
            assert_eq!(new.position, old.position);
            for number in 2..5 {
                let message = new.message().await;
                assert_eq!(
                    (&message["data"], &message["replayed"]),
                    (&json!(number), &json!(true))
                );
            }
            new.caught_up().await;
        }
    });
}

#[test]
fn j10_a_position_that_the_stream_never_had_is_a_gap_and_then_all_there_is() {
    async fn check(node: &Node, session: Session, after: &str) -> Session {
        let (token, _) = lose(node, session).await;
        let mut back = node.resume(&token, after).await;
        let gap = back.typed("gap").await;
        assert_eq!((&gap["after"], &gap["reason"]), (&json!(after), &json!("epoch")), "{gap}");
        assert_eq!(back.messages(3).await, numbers(0..3));
        back.caught_up().await;
        back.in_step().await;
        back
    }

    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let epoch = session.position.split_once('.').unwrap().0.to_owned();
        send_numbers(node, "alice", 0..3).await;
        let session = check(node, session, "1.0").await;
        let session = check(node, session, "0.0").await;
        let session = check(node, session, &format!("{epoch}.ffff")).await;
        let session = check(node, session, &format!("{epoch}.ffffffffffffffff")).await;
        check(node, session, "ffffffffffffffff.ffffffffffffffff").await;

        // The same for a new session that says where it was.
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let offer = format!("usher.v1, ticket.{ticket}, after.7.7");
        let mut new = Session::welcomed(node.dial("", &offer).await).await;
        assert_eq!(new.typed("gap").await["after"], "7.7");
        assert_eq!(new.messages(3).await, numbers(0..3));
        new.caught_up().await;
    });
}

#[test]
fn more_than_the_stream_holds_is_a_gap_for_who_was_away() {
    let limits = Limits { stream_messages: 4, ..Limits::default() };
    with_node(Config { limits, ..config() }, async |node| {
        let session = node.join("alice").await;
        let (token, position) = lose(node, session).await;
        send_numbers(node, "alice", 0..10).await;
        let mut back = node.resume(&token, &position).await;
        let gap = back.typed("gap").await;
        assert_eq!((&gap["after"], &gap["reason"]), (&json!(position), &json!("overflow")));
        text(&gap["until"]).clone_into(&mut back.position);
        assert_eq!(back.messages(4).await, numbers(6..10));
        back.caught_up().await;
    });
}

#[test]
fn a_message_whose_time_is_over_is_skipped_and_is_no_gap() {
    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let (token, position) = lose(node, session).await;
        node.send("alice", &json!({"data": "for a second", "ttl": 1})).await;
        let sent_at = Clock::timestamp();
        node.send("alice", &json!({"data": "for a minute", "ttl": 60})).await;
        passed(sent_at.after(Duration::from_secs(1))).await;
        let mut back = node.resume(&token, &position).await;
        assert_eq!(back.messages(1).await, [json!("for a minute")]);
        back.caught_up().await;
    });
}

#[test]
fn j9_a_session_whose_window_is_over_cannot_resume() {
    let session =
        SessionConfig { resume_window: Duration::from_millis(50), ..SessionConfig::default() };
    with_node(Config { session, ..config() }, async |node| {
        let session = node.join("alice").await;
        let (token, position) = lose(node, session).await;
        passed(Clock::timestamp().after(Duration::from_millis(50))).await;
        refused(node, &token, &position, 4202, "cannot-resume").await;
        let user = node.ask("GET", "/v1/users/alice", &Value::Null).await;
        assert_eq!(user["online"], false, "{user}");
    });
}

#[test]
fn j9_a_session_of_the_greatest_age_ends() {
    let age = Duration::from_secs(2);
    let session = SessionConfig { max_age: age, ..SessionConfig::default() };
    with_node(Config { session, ..config() }, async |node| {
        let mut stays = node.join("alice").await;
        let away = node.join("alice").await;
        let (token, position) = lose(node, away).await;
        passed(Clock::timestamp().after(age)).await;
        refused(node, &token, &position, 4203, "too-old").await;
        stays.closed_with(4203, "too-old").await;
        refused(node, &stays.token, &stays.position, 4203, "too-old").await;
    });
}

#[test]
fn h10_a_resume_must_come_from_the_page_of_the_ticket() {
    with_node(config(), async |node| {
        let request = json!({"user": "alice", "origin": "https://app.example.com"});
        let reply = node.call("POST", "/v1/tickets", &request).await;
        let reply: TicketReply = serde_json::from_str(&reply.body).unwrap();
        let dial = async |origin: &str, offer: &str| {
            let headers = [("Origin", origin), ("Sec-WebSocket-Protocol", offer)];
            Peer::dial(node.address, &headers, "").await.unwrap()
        };
        let offer = format!("usher.v1, ticket.{}", reply.ticket);
        for origin in ["https://app.example.com.evil.example", "https://app.example.com:8443", ""] {
            dial(origin, &offer).await.closed_with(4403, "forbidden").await;
        }
        let session = Session::welcomed(dial("https://app.example.com", &offer).await).await;
        let (token, position) = lose(node, session).await;
        let offer = format!("usher.v1, resume.{token}, after.{position}");
        for origin in ["https://evil.example", "null", ""] {
            dial(origin, &offer).await.closed_with(4403, "forbidden").await;
        }
        let mut back = Session::welcomed(dial("https://app.example.com", &offer).await).await;
        back.caught_up().await;
    });
}

#[test]
fn a_resume_that_is_not_well_formed_is_refused_and_changes_nothing() {
    async fn check(node: &Node, offer: &str, code: u16, reason: &str, status: u16) {
        let usher = format!("usher.v1, {offer}");
        node.dial("", &usher).await.closed_with(code, reason).await;
        let query = format!("?{}", offer.replace(", ", "&").replacen('.', "=", 1));
        let query = query.replace("&after.", "&after=").replace("&ticket.", "&ticket=");
        let query = query.replace("&resume.", "&resume=");
        let problem = Peer::dial(node.address, &[], &query).await.unwrap_err();
        assert_eq!(problem.status, status, "{query}: {problem:?}");
        problem.code();
    }

    with_node(config(), async |node| {
        let session = node.join("alice").await;
        let (token, position) = lose(node, session).await;
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        let (malformed, missing) = ("protocol-error", "ticket-missing");
        check(node, &format!("resume.{token}"), 4400, malformed, 400).await;
        check(node, &format!("resume.{token}, after.{position}x"), 4400, malformed, 400).await;
        check(node, &format!("resume.{token}, after."), 4400, malformed, 400).await;
        let both = format!("resume.{token}, after.{position}, ticket.{ticket}");
        check(node, &both, 4400, malformed, 400).await;
        let twice = format!("resume.{token}, after.{position}, resume.{token}");
        check(node, &twice, 4400, malformed, 400).await;
        check(node, &format!("resume.{ticket}, after.{position}"), 4401, missing, 401).await;
        check(node, &format!("resume.{token}x, after.{position}"), 4401, missing, 401).await;
        check(node, &format!("after.{position}"), 4401, missing, 401).await;
        let mut back = node.resume(&token, &position).await;
        back.caught_up().await;
    });
}
