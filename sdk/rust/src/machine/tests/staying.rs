//! Staying: liveness, messages once and in order, a slow app, and leaving.

use expect_test::expect;

use super::script::{check, check_live};

#[test]
fn a_ping_is_answered() {
    check_live(
        "ping pong life dance",
        &expect![[r#"
                0 write {"type":"pong"}
        "#]],
    );
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    check_live("@20000 life @36000", &expect![[""]]);
    check_live(
        "@30000 pong @59999",
        &expect![[r#"
        30000 write {"type":"ping"}
    "#]],
    );
    check_live(
        "@30000 @35000",
        &expect![[r#"
        30000 write {"type":"ping"}
        35000 hang up
        35000 waiting 281 ms: the socket is lost: nothing comes
    "#]],
    );
}

#[test]
fn silence_means_nothing_while_the_app_takes_nothing() {
    check_live(
        "stalled @100000 flowing @130000 pong",
        &expect![[r#"
        130000 write {"type":"ping"}
    "#]],
    );
}

#[test]
fn without_room_for_events_there_is_no_use_in_another_socket() {
    check_live(
        "stalled lost @100000 flowing @100000",
        &expect![[r#"
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            100000 dial ws://here with token 1 after p10
            100000 connecting
        "#]],
    );
}

#[test]
fn a_message_comes_once_and_moves_the_position_each_time() {
    check_live(
        "message:1:p11 message:1:p11 message:2:p12 message:1:p13 message:3 message:3 lost @600",
        &expect![[r#"
            0 deliver 1
            0 deliver 2
            0 deliver 3
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p13
            281 connecting
        "#]],
    );
}

#[test]
fn a_gap_is_told_in_its_place_and_moves_the_position() {
    check_live(
        "message:1:p11 gap:p11:p19 message:2:p20 gap:p20:p30 lost @600",
        &expect![[r#"
            0 deliver 1
            0 deliver gap p11 to p19: Overflow
            0 deliver 2
            0 deliver gap p20 to p30: Overflow
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p30
            281 connecting
        "#]],
    );
}

#[test]
fn a_frame_that_nobody_can_read_costs_the_socket() {
    check_live(
        "message:1:p11 garbage @600",
        &expect![[r#"
            0 deliver 1
            0 hang up
            0 waiting 281 ms: the socket is lost: a frame cannot be read at column 1
            281 dial ws://here with token 1 after p11
            281 connecting
        "#]],
    );
}

#[test]
fn what_comes_before_the_welcome_is_not_meant_for_this_version() {
    check(
        "start ticket opened message:1:p1 ping welcome:1:p1 welcome:2:p2",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 write {"type":"pong"}
                0 live 1
        "#]],
    );
}

#[test]
fn leaving_waits_for_what_was_sent_before_and_no_longer_than_a_bound() {
    check_live(
        "send:1 leave send:2 reply:1 closed:1000",
        &expect![[r#"
                0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                0 failed 2: not sent: the session ended
                0 sent 1 as 9
                0 write {"type":"leave"}
                0 hang up
                0 ended: left
        "#]],
    );
    check_live(
        "send:1 leave @5000",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            5000 hang up
            5000 failed 1: sent, but not answered: the session ended
            5000 ended: left
        "#]],
    );
    // The socket is lost on the way: what is left is done over the next one.
    check_live(
        "send:1 leave lost @500 opened resumed:1:p10 reply:1 lost @1500 closed:4202",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            500 live 1 again
            500 write {"type":"pong"}
            500 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            500 sent 1 as 9
            500 write {"type":"leave"}
            500 hang up
            500 waiting 448 ms: the socket is lost: reset
            948 dial ws://here with token 2 after p10
            948 connecting
            1500 hang up
            1500 waiting 12 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            1500 hang up
            1500 ended: left
        "#]],
    );
}

#[test]
fn a_node_that_goes_away_may_not_have_heard_that_it_was_left() {
    check_live(
        "leave closed:4000 @600 opened resumed:1:p10 closed:1000",
        &expect![[r#"
        0 write {"type":"leave"}
        0 hang up
        0 waiting 281 ms: the server closed the socket: 4000 drain: The node is going away; reconnect and resume.
        281 dial ws://here with token 1 after p10
        281 connecting
        600 live 1 again
        600 write {"type":"pong"}
        600 write {"type":"leave"}
        600 hang up
        600 ended: left
    "#]],
    );
}

#[test]
fn where_there_is_nothing_to_leave_it_ends_at_once() {
    check(
        "start leave",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 hang up
                0 ended: left
        "#]],
    );
    check(
        "start ticket unopened leave",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 hang up
                0 waiting 281 ms: cannot connect: no route
                0 hang up
                0 ended: left
        "#]],
    );
    check(
        "start ticket leave opened welcome:1:p1 closed:1000",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 live 1
                0 write {"type":"leave"}
                0 hang up
                0 ended: left
        "#]],
    );
}

#[test]
fn a_session_that_ended_does_nothing_more() {
    check_live(
        "closed:4410 send:1 ping active ack:p1 leave away:0 lost closed:4000 ticket opened unopened @99999",
        &expect![[r#"
                0 hang up
                0 ended: closed: 4410 closed-by-backend: The app's backend closed the session.
                0 failed 1: not sent: the session ended
        "#]],
    );
}
