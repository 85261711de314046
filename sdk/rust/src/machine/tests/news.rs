//! News: activity and what is processed, no more often than the server wants to hear it.

use expect_test::expect;

use super::script::{check, check_live};

#[test]
fn activity_is_told_at_once_and_then_every_five_seconds_at_most() {
    check_live(
        "active @1000 active active @6000 @20000 active",
        &expect![[r#"
            0 write {"type":"active"}
            5000 write {"type":"active"}
            20000 write {"type":"active"}
        "#]],
    );
}

#[test]
fn only_the_last_ack_of_a_second_is_told() {
    check_live(
        "ack:p1 ack:p2 @300 ack:p3 @1500 ack:p4 @5000",
        &expect![[r#"
            0 write {"type":"ack","position":"p1"}
            1000 write {"type":"ack","position":"p3"}
            2000 write {"type":"ack","position":"p4"}
        "#]],
    );
}

#[test]
fn without_a_socket_the_latest_news_waits() {
    check(
        "active ack:p1 ack:p2 start ticket opened welcome:1:p3",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 live 1
                0 write {"type":"active"}
                0 write {"type":"ack","position":"p2"}
        "#]],
    );
}

#[test]
fn the_last_ack_is_told_again_to_the_session_that_came_back() {
    check_live(
        "ack:p9 lost @2000 opened resumed:1:p10",
        &expect![[r#"
            0 write {"type":"ack","position":"p9"}
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            2000 live 1 again
            2000 write {"type":"pong"}
            2000 write {"type":"ack","position":"p9"}
        "#]],
    );
    check_live(
        "ack:p9 lost @2000 closed:4202 @4000 ticket opened welcome:2:p10",
        &expect![[r#"
            0 write {"type":"ack","position":"p9"}
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            2000 hang up
            2000 waiting 310 ms: the server closed the socket: 4202 cannot-resume: The session is not known any more, or was left.
            2310 ask for a ticket: ResumeLost
            2310 connecting
            4000 dial ws://here with ticket 2 after p10
            4000 connecting
            4000 deliver gap p10 to p10: NewSession
            4000 live 2
        "#]],
    );
}
