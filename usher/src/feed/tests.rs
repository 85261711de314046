//! Every kind of line.

use expect_test::expect;

use super::line;

/// Where the server is.
const AT: &str = "http://127.0.0.1:7328";

#[test]
fn every_event_of_the_fixtures_is_a_line() {
    let events: Vec<protocol::event::Event> =
        serde_json::from_str(include_str!("../../../protocol/fixtures/events.json"))
            .expect("fixtures are events");
    let lines: String = events.iter().map(|event| line(event, AT, false) + "\n").collect();
    expect![[r#"
        14:13:20 + alice    s_a40000000000000000000001 connected
        14:13:20 + alice    s_a40000000000000000000001 resumed
        14:13:20 ~ alice    s_a40000000000000000000001 lost its socket (no close frame), may resume
        14:13:20 ~ alice    s_a40000000000000000000001 lost its socket (no close frame), may resume
        14:13:20 - alice    s_a40000000000000000000001 ended (4409 replaced)
        14:13:20 * alice    online
        14:13:20 * alice    offline
        14:13:20 > alice    m_a40000000000000000000007 to 2 live, 1 when back
        14:13:20 >          m_a40000000000000000000007 to everyone who is live
        14:13:20 !          refused 192.0.2.7: The ticket was used before (4201), see http://127.0.0.1:7328/problems/ticket-spent
        14:13:20 !          refused 192.0.2.7: pages of https://app.example.com may not connect; add it to allowed_origins or the ticket
        14:13:20 !          refused 192.0.2.7: This path speaks WebSocket only, see http://127.0.0.1:7328/problems/upgrade-required
        14:13:20 = n1       node up, version 0.1.0
        14:13:20 = n1       node draining: its sessions leave
        14:13:20 = n1       node down
        14:13:20 = n1       engine up
        14:13:20 = n1       engine down
        14:13:20 # n1       2 users, 3 live, 1 parked; 5 messages, 8 deliveries so far
        14:13:20 !          86 events are missing here: they came faster than they were read
        14:13:20 !          some events are missing here: the node was started again
    "#]].assert_eq(&lines);
    let coloured = line(&events[0], AT, true);
    assert!(coloured.contains("\u{1b}[32m+\u{1b}[0m alice"), "{coloured}");
}

#[test]
fn what_is_not_known_is_shown_as_it_is_without_commands_to_the_terminal() {
    let event = "{\"at\":1790000000000,\"node\":\"n1\",\"type\":\"topic.joined\",\
                 \"topic\":\"a\\u009b31mb\",\"n\":[1,null]}";
    let event = serde_json::from_str(event).expect("an event of a later version");
    expect![[r#"14:13:20 ?          topic.joined n=[1,null] topic="a�31mb""#]]
        .assert_eq(&line(&event, AT, false));
}
