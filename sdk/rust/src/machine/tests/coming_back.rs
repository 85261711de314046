//! Connecting, losing the socket, and coming back with the right thing at the right time.

use std::time::Duration;

use expect_test::expect;

use super::{
    super::retry::Retry,
    script::{Stage, check, check_live},
};
use crate::pace::Pace;

#[test]
fn a_session_gets_a_ticket_dials_and_is_live_with_the_welcome() {
    check(
        "start @20 ticket @40 opened @50 welcome:1:p10",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            20 dial ws://here with ticket 1
            20 connecting
            50 live 1
        "#]],
    );
}

#[test]
fn a_lost_socket_is_resumed_with_the_token_and_the_last_position_and_no_ticket() {
    check_live(
        "message:1:p11 message:2 message:3:p12 lost @600 opened resumed:1:p12",
        &expect![[r#"
            0 deliver 1
            0 deliver 2
            0 deliver 3
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p12
            281 connecting
            600 live 1 again
            600 write {"type":"pong"}
        "#]],
    );
}

#[test]
fn waits_are_random_and_grow_with_each_failure_up_to_a_bound() {
    let pace = Pace::default();
    let mut longest = [Duration::ZERO; 40];
    for seed in 0..200 {
        let mut retry = Retry::new(seed);
        for (n, longest) in (0..).zip(&mut longest) {
            let wait = retry.failed(&pace);
            assert!(wait <= pace.retry_max.min(pace.retry_base * 2_u32.pow(n.min(10))), "{n}");
            *longest = wait.max(*longest);
        }
        retry.reset();
        assert!(retry.failed(&pace) <= pace.retry_base);
    }
    assert!(longest[0] > pace.retry_base * 9 / 10);
    assert!(longest[6..].iter().all(|longest| *longest > pace.retry_max * 9 / 10), "{longest:?}");
}

#[test]
fn a_socket_that_stayed_for_a_while_was_no_failure() {
    check_live(
        "lost @400 lost @1400 lost @3000 opened resumed:1:p10 @7999 lost",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            400 hang up
            400 waiting 448 ms: the socket is lost: reset
            848 dial ws://here with token 1 after p10
            848 connecting
            1400 hang up
            1400 waiting 735 ms: the socket is lost: reset
            2135 dial ws://here with token 1 after p10
            2135 connecting
            3000 live 1 again
            3000 write {"type":"pong"}
            7999 hang up
            7999 waiting 91 ms: the socket is lost: reset
        "#]],
    );
    check_live(
        "lost @400 lost @1400 lost @3000 opened resumed:1:p10 @8000 lost",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            400 hang up
            400 waiting 448 ms: the socket is lost: reset
            848 dial ws://here with token 1 after p10
            848 connecting
            1400 hang up
            1400 waiting 735 ms: the socket is lost: reset
            2135 dial ws://here with token 1 after p10
            2135 connecting
            3000 live 1 again
            3000 write {"type":"pong"}
            8000 hang up
            8000 waiting 344 ms: the socket is lost: reset
        "#]],
    );
}

#[test]
fn codes_of_the_4200s_need_a_new_ticket_and_go_on_from_the_last_position() {
    for (code, reason) in [
        (4200, "Expired"),
        (4201, "Spent"),
        (4202, "ResumeLost"),
        (4203, "TooOld"),
        (4204, "Unknown"),
        (4205, "TakenOver"),
        (4299, "Closed(4299)"),
    ] {
        let stage = Stage::live().play(&format!("message:1:p11 closed:{code} @1000 ticket"));
        assert!(stage.trace.contains(&format!("ask for a ticket: {reason}\n")), "{}", stage.trace);
        assert!(
            stage.trace.ends_with("dial ws://here with ticket 2 after p11\n1000 connecting\n"),
            "{}",
            stage.trace
        );
    }
}

#[test]
fn another_session_in_the_place_of_a_lost_one_is_told_as_a_gap() {
    check_live(
        "message:1:p11 lost @600 closed:4202 @2000 ticket opened welcome:2:p11 message:1:p11",
        &expect![[r#"
            0 deliver 1
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p11
            281 connecting
            600 hang up
            600 waiting 310 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            910 ask for a ticket: ResumeLost
            910 connecting
            2000 dial ws://here with ticket 2 after p11
            2000 connecting
            2000 deliver gap p11 to p11: NewSession
            2000 live 2
        "#]],
    );
}

#[test]
fn codes_of_the_4400s_end_it() {
    for code in [4400, 4401, 4403, 4409, 4410, 4423, 4999] {
        let stage = Stage::live().play(&format!("closed:{code} @1000000"));
        assert_eq!(stage.trace.lines().count(), 2, "{}", stage.trace);
        assert!(stage.trace.contains(&format!("ended: closed: {code} ")), "{}", stage.trace);
        let refused = Stage::new().play(&format!("start ticket opened closed:{code} @1000000"));
        assert!(refused.trace.contains(&format!("ended: closed: {code} ")), "{}", refused.trace);
    }
}

#[test]
fn other_codes_resume_but_for_those_that_say_that_a_rule_was_broken() {
    for code in [1000, 1001, 1005, 1006, 1011, 1012, 3000, 4000, 4001, 4002, 4003, 4199] {
        let stage = Stage::live().play(&format!("closed:{code} @1000"));
        assert!(stage.trace.contains("dial ws://here with token 1 after p10"), "{}", stage.trace);
    }
    for code in [1002, 1003, 1007, 1008, 1009] {
        let stage = Stage::live().play(&format!("closed:{code} @1000"));
        assert!(stage.trace.contains(&format!("ticket: Closed({code})")), "{}", stage.trace);
    }
    // Such a session may have lived for long each time; its waits grow all the same.
    check_live(
        "@9000 closed:1008 @10000 ticket opened welcome:2:p10 @20000 closed:1008 \
         @22000 ticket opened welcome:3:p10 @30000 closed:1008 @33000 ticket",
        &expect![[r#"
            9000 hang up
            9000 waiting 281 ms: the server closed the socket: 1008 why
            9281 ask for a ticket: Closed(1008)
            9281 connecting
            10000 dial ws://here with ticket 2 after p10
            10000 connecting
            10000 deliver gap p10 to p10: NewSession
            10000 live 2
            20000 hang up
            20000 waiting 448 ms: the server closed the socket: 1008 why
            20448 ask for a ticket: Closed(1008)
            20448 connecting
            22000 dial ws://here with ticket 3 after p10
            22000 connecting
            22000 deliver gap p10 to p10: NewSession
            22000 live 3
            30000 hang up
            30000 waiting 735 ms: the server closed the socket: 1008 why
            30735 ask for a ticket: Closed(1008)
            30735 connecting
            33000 dial ws://here with ticket 4 after p10
            33000 connecting
        "#]],
    );
}

#[test]
fn a_ticket_that_may_not_have_been_used_is_tried_again_and_then_replaced() {
    check(
        "start ticket unopened @500 closed:4003 @1500 unopened @3000 closed:4201 @9000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 hang up
            0 waiting 281 ms: cannot connect: no route
            281 dial ws://here with ticket 1
            281 connecting
            500 hang up
            500 waiting 448 ms: the server closed the socket: 4003 overloaded: The node cannot take the session now; come back later.
            948 dial ws://here with ticket 1
            948 connecting
            1500 hang up
            1500 waiting 735 ms: cannot connect: no route
            2235 dial ws://here with ticket 1
            2235 connecting
            3000 hang up
            3000 waiting 344 ms: the server closed the socket: 4201 ticket-spent: The ticket was used before.
            3344 ask for a ticket: Spent
            3344 connecting
        "#]],
    );
}

#[test]
fn a_lost_welcome_leaves_the_former_token_which_is_good_still() {
    check_live(
        "lost @600 opened lost @2000",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            600 hang up
            600 waiting 448 ms: the socket is lost: reset
            1048 dial ws://here with token 1 after p10
            1048 connecting
        "#]],
    );
    // A new session whose welcome is lost needs another ticket.
    check(
        "start ticket opened lost @600 closed:4201 @2000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with ticket 1
            281 connecting
            600 hang up
            600 waiting 310 ms: the server closed the socket: 4201 ticket-spent: The ticket was used before.
            910 ask for a ticket: Spent
            910 connecting
        "#]],
    );
}

#[test]
fn the_app_may_have_no_ticket_now_or_never() {
    check(
        "start no_ticket @1000 refused",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 hang up
            0 waiting 281 ms: no ticket: backend is down
            281 ask for a ticket: Initial
            281 connecting
            1000 hang up
            1000 ended: no ticket: logged out
        "#]],
    );
    check(
        "start @25000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            10000 hang up
            10000 waiting 281 ms: no ticket: none came within 10s
            10281 ask for a ticket: Initial
            10281 connecting
            20281 hang up
            20281 waiting 448 ms: no ticket: none came within 10s
            20729 ask for a ticket: Initial
            20729 connecting
        "#]],
    );
}

#[test]
fn a_welcome_that_does_not_come_is_not_waited_for() {
    check(
        "start ticket opened ping @12000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 write {"type":"pong"}
            10000 hang up
            10000 waiting 281 ms: cannot connect: no welcome came within 10s
            10281 dial ws://here with ticket 1
            10281 connecting
        "#]],
    );
}

#[test]
fn a_session_is_one_users() {
    check_live(
        "lost @600 closed:4202 @2000 ticket:bob",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            600 hang up
            600 waiting 310 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            910 ask for a ticket: ResumeLost
            910 connecting
            2000 hang up
            2000 ended: the ticket is another user's
        "#]],
    );
    check_live(
        "lost @600 closed:4202 @2000 ticket opened welcome:2:p1:bob",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            600 hang up
            600 waiting 310 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            910 ask for a ticket: ResumeLost
            910 connecting
            2000 dial ws://here with ticket 2 after p10
            2000 connecting
            2000 write {"type":"leave"}
            2000 hang up
            2000 ended: the ticket is another user's
        "#]],
    );
}

#[test]
fn the_server_says_when_to_come_back() {
    // A draining node says it ahead, and the socket works on until then.
    check_live(
        "closing:4000:7000 message:1:p11 @7000 closed:4000 @8000",
        &expect![[r#"
            0 deliver 1
            7000 hang up
            7000 waiting 310 ms: the server closed the socket: 4000 drain: The node is going away; reconnect and resume.
            7310 dial ws://here with token 1 after p11
            7310 connecting
        "#]],
    );
    // A node that cannot take the session says it before the close.
    check(
        "start ticket opened closing:4003:9000 closed:4003 @10000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 hang up
            0 waiting 9310 ms: the server closed the socket: 4003 overloaded: The node cannot take the session now; come back later.
            9310 dial ws://here with ticket 1
            9310 connecting
        "#]],
    );
    check(
        "start ticket unopened:4000 @5000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 hang up
            0 waiting 4310 ms: cannot connect: answered 503
            4310 dial ws://here with ticket 1
            4310 connecting
        "#]],
    );
    // There is a bound to that, and a socket that broke by itself is not what was announced.
    check(
        "start ticket opened closing:4003:99999999 closed:4003",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 hang up
                0 waiting 300310 ms: the server closed the socket: 4003 overloaded: The node cannot take the session now; come back later.
        "#]],
    );
    check_live(
        "closing:4000:20000 @100 lost",
        &expect![[r#"
              100 hang up
              100 waiting 281 ms: the socket is lost: reset
        "#]],
    );
}

#[test]
fn who_says_that_it_closes_and_does_not_is_taken_at_its_word() {
    check_live(
        "closing:4000:7000 @11000 life @13000",
        &expect![[r#"
        12000 hang up
        12000 waiting 310 ms: the server closed the socket: 4000 drain: The node is going away; reconnect and resume.
        12310 dial ws://here with token 1 after p10
        12310 connecting
    "#]],
    );
    check_live(
        "closing:4409 @6000",
        &expect![[r#"
             5000 hang up
             5000 ended: closed: 4409 replaced: A newer session took this one's place.
        "#]],
    );
}

#[test]
fn a_node_that_goes_away_is_not_the_first_to_be_tried_again() {
    check(
        "start ticket_at:1 opened welcome:1:p10 closed:4000 @1000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://there:1 with ticket 1
            0 connecting
            0 live 1
            0 hang up
            0 waiting 281 ms: the server closed the socket: 4000 drain: The node is going away; reconnect and resume.
            281 dial ws://here with token 1 after p10
            281 connecting
        "#]],
    );
}

#[test]
fn whichever_node_goes_away_another_is_tried_next() {
    // It is the last that the welcome names, the first, or one that it does not name.
    for (on, then) in [("there", "first"), ("first", "there"), ("here", "first")] {
        let stage = Stage::new().play(&format!(
            "start ticket_of:{on} opened welcome_at:1:p10:first:there closed:4000 @1000"
        ));
        let (_, after) = stage.trace.split_once("live 1\n").unwrap();
        assert!(after.contains(&format!("dial ws://{then} with token 1")), "{}", stage.trace);
    }
    // The app's own address may be one of those that the server names.
    check(
        "start ticket opened welcome_at:1:p10:first:here closed:4000 @1000 unopened @2000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://here with ticket 1
            0 connecting
            0 live 1
            0 hang up
            0 waiting 281 ms: the server closed the socket: 4000 drain: The node is going away; reconnect and resume.
            281 dial ws://first with token 1 after p10
            281 connecting
            1000 hang up
            1000 waiting 448 ms: cannot connect: no route
            1448 dial ws://here with token 1 after p10
            1448 connecting
        "#]],
    );
}

#[test]
fn what_failed_before_a_server_answered_does_not_delay_the_new_ticket() {
    check_live(
        "lost @300 unopened @1000 unopened @3000 unopened @6000 unopened @20000 closed:4202 \
         @21000 ticket unopened @22000",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            300 hang up
            300 waiting 448 ms: cannot connect: no route
            748 dial ws://here with token 1 after p10
            748 connecting
            1000 hang up
            1000 waiting 735 ms: cannot connect: no route
            1735 dial ws://here with token 1 after p10
            1735 connecting
            3000 hang up
            3000 waiting 91 ms: cannot connect: no route
            3091 dial ws://here with token 1 after p10
            3091 connecting
            6000 hang up
            6000 waiting 1398 ms: cannot connect: no route
            7398 dial ws://here with token 1 after p10
            7398 connecting
            17398 hang up
            17398 waiting 1845 ms: cannot connect: no welcome came within 10s
            19243 dial ws://here with token 1 after p10
            19243 connecting
            20000 hang up
            20000 waiting 147 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            20147 ask for a ticket: ResumeLost
            20147 connecting
            21000 dial ws://here with ticket 2 after p10
            21000 connecting
            21000 hang up
            21000 waiting 388 ms: cannot connect: no route
            21388 dial ws://here with ticket 2 after p10
            21388 connecting
        "#]],
    );
}

#[test]
fn tickets_that_are_refused_one_after_another_are_asked_for_ever_more_slowly() {
    let pace = Pace::default();
    let mut longest = [Duration::ZERO; 12];
    for seed in 0..200 {
        let mut retry = Retry::new(seed);
        for (n, longest) in (0..).zip(&mut longest) {
            // Between them nobody may answer, however often.
            for _ in 0..n {
                retry.failed(&pace);
            }
            retry.answered();
            let wait = retry.failed(&pace);
            assert!(wait <= pace.retry_max.min(pace.retry_base * 2_u32.pow(n)), "{n}");
            *longest = wait.max(*longest);
        }
        retry.reset();
        retry.answered();
        assert!(retry.failed(&pace) <= pace.retry_base);
    }
    assert!(longest[6..].iter().all(|longest| *longest > pace.retry_max * 9 / 10), "{longest:?}");
}

#[test]
fn addresses_of_the_server_are_tried_before_the_apps_own() {
    check(
        "start ticket_at:1 unopened @1000 unopened @2000 unopened @9000",
        &expect![[r#"
            0 ask for a ticket: Initial
            0 connecting
            0 dial ws://there:1 with ticket 1
            0 connecting
            0 hang up
            0 waiting 281 ms: cannot connect: no route
            281 dial ws://here with ticket 1
            281 connecting
            1000 hang up
            1000 waiting 448 ms: cannot connect: no route
            1448 dial ws://there:1 with ticket 1
            1448 connecting
            2000 hang up
            2000 waiting 735 ms: cannot connect: no route
            2735 dial ws://here with ticket 1
            2735 connecting
        "#]],
    );
}

#[test]
fn the_app_may_want_another_socket_at_once_or_stay_away() {
    check_live(
        "away:0 @0 opened resumed:1:p10 away:3000 @3000",
        &expect![[r#"
            0 hang up
            0 waiting 0 ms: the socket was given up
            0 dial ws://here with token 1 after p10
            0 connecting
            0 live 1 again
            0 write {"type":"pong"}
            0 hang up
            0 waiting 3000 ms: the socket was given up
            3000 dial ws://here with token 2 after p10
            3000 connecting
        "#]],
    );
}
