//! Sending: each send is settled once, in time, and is never two messages.

use expect_test::expect;

use super::script::{LIVE, Stage, check, check_live};

#[test]
fn a_send_settles_with_the_servers_answer() {
    check_live(
        "send:1 send:2 reply:2:forbidden reply:1 reply:1 reply:7",
        &expect![[r#"
                0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                0 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
                0 failed 2: refused: no (forbidden)
                0 sent 1 as 9
        "#]],
    );
}

#[test]
fn what_is_sent_without_a_socket_waits_for_one_in_order() {
    check(
        "send:1 start send:2 ticket opened send:3 welcome:1:p10 reply:1",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 dial ws://here with ticket 1
                0 connecting
                0 live 1
                0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                0 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
                0 write {"type":"send","ref":"3","user":"bob","data":1,"key":"k-3"}
                0 sent 1 as 9
        "#]],
    );
}

#[test]
fn what_was_not_answered_is_sent_again_with_the_same_key_before_what_came_later() {
    check_live(
        "send:1 send:2 reply:1 lost send:3 @600 opened resumed:1:p10 reply:2",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            0 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
            0 sent 1 as 9
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            281 dial ws://here with token 1 after p10
            281 connecting
            600 live 1 again
            600 write {"type":"pong"}
            600 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
            600 write {"type":"send","ref":"3","user":"bob","data":1,"key":"k-3"}
            600 sent 2 as 9
        "#]],
    );
}

#[test]
fn a_send_settles_in_time_whatever_happens() {
    check(
        "start send:1 @30000",
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
            30000 failed 1: not sent: its time is over
        "#]],
    );
    check_live(
        "send:1 @15000 life @30000",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            30000 failed 1: sent, but not answered: its time is over
        "#]],
    );
    check_live(
        "@1 send:1 send:2 reply:1 closed:4410",
        &expect![[r#"
                1 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                1 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
                1 sent 1 as 9
                1 hang up
                1 failed 2: sent, but not answered: the session ended
                1 ended: closed: 4410 closed-by-backend: The app's backend closed the session.
        "#]],
    );
    check(
        "start send:1 refused",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 hang up
                0 failed 1: not sent: the session ended
                0 ended: no ticket: logged out
        "#]],
    );
}

#[test]
fn what_the_server_puts_off_is_sent_again_when_it_said() {
    check_live(
        "send:1 reply:1:rate-limited:700 send:2 @700 reply:1:overloaded:100 @800 reply:1",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            0 write {"type":"send","ref":"2","user":"bob","data":1,"key":"k-2"}
            700 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            800 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
            800 sent 1 as 9
        "#]],
    );
    // Of what it does not know itself it may be asked again, and knows it by its key.
    check_live(
        "send:1 reply:1:accept-unknown @1000 closed:4410",
        &expect![[r#"
        0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
        1000 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
        1000 hang up
        1000 failed 1: sent, but not answered: the session ended
        1000 ended: closed: 4410 closed-by-backend: The app's backend closed the session.
    "#]],
    );
    // Not if that is too late.
    check_live(
        "send:1 reply:1:overloaded:30000",
        &expect![[r#"
                0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                0 failed 1: refused: no (overloaded)
        "#]],
    );
    // And whoever waits for that is told what the server said.
    check_live(
        "send:1 reply:1:overloaded:20000 closed:4410",
        &expect![[r#"
                0 write {"type":"send","ref":"1","user":"bob","data":1,"key":"k-1"}
                0 hang up
                0 failed 1: refused: no (overloaded)
                0 ended: closed: 4410 closed-by-backend: The app's backend closed the session.
        "#]],
    );
}

#[test]
fn a_volatile_message_is_for_now_or_not_at_all() {
    check(
        "start dots:1",
        &expect![[r#"
                0 ask for a ticket: Initial
                0 connecting
                0 failed 1: not sent: there is no socket
        "#]],
    );
    check_live(
        "dots:1 dots:2 reply:1 lost dots:3 @600",
        &expect![[r#"
            0 write {"type":"send","ref":"1","user":"bob","data":1,"volatile":true}
            0 write {"type":"send","ref":"2","user":"bob","data":1,"volatile":true}
            0 sent 1 as 9
            0 hang up
            0 waiting 281 ms: the socket is lost: reset
            0 failed 2: sent, but not answered: there is no socket
            0 failed 3: not sent: there is no socket
            281 dial ws://here with token 1 after p10
            281 connecting
        "#]],
    );
    check_live(
        "dots:1 reply:1:overloaded:5",
        &expect![[r#"
                0 write {"type":"send","ref":"1","user":"bob","data":1,"volatile":true}
                0 failed 1: refused: no (overloaded)
        "#]],
    );
}

#[test]
fn there_is_a_bound_on_sends_under_way() {
    let many: String = (0..101).map(|n| format!(" send:{n}")).collect();
    let stage = Stage::new().play(&format!("start {many}"));
    assert!(
        stage.trace.ends_with("0 failed 100: too many sends are under way\n"),
        "{}",
        stage.trace
    );
    let stage = stage.play("ticket opened welcome:1:p10 reply:0 send:101 send:102");
    assert!(
        stage.trace.ends_with("0 failed 102: too many sends are under way\n"),
        "{}",
        stage.trace
    );
    assert_eq!(stage.trace.matches("write").count(), 101);
    assert!(Stage::new().play(LIVE).trace.contains("live 1"));
}
