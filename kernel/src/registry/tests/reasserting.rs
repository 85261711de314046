//! Sessions that a registry forgot, and their nodes have.

use expect_test::expect;

use super::check;

#[test]
fn what_was_forgotten_stands_again_by_the_same_admission() {
    check(
        "mint 1 alice device=phone; admit 1 s1; mint 2 alice; admit 2 s2 on=n2; send alice; +5s; \
         forget; count alice; reassert s2; reassert s1; reassert s1; sessions alice; send alice; \
         park s1; resume r1 on=n2; held",
        &expect![[r#"
            mint 1 alice device=phone
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            mint 2 alice
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
            send alice
              @1.1, 2 live, 0 parked
              -> n1 alice: message @1.1 to All
              -> n2 alice: message @1.1 to All
            +5s
            forget
            count alice
              0 live, 0 parked
            reassert s2
              stands, ended
            reassert s1
              stands, ended
            reassert s1
              stands, ended
            sessions alice
              s1 of alice on phone at n1 Live created 0s connected 0s active 0s
              s2 of alice at n2 Live created 0s connected 0s active 0s
            send alice
              @?.1, 2 live, 0 parked
              -> n1 alice: message @?.1 to All
              -> n2 alice: message @?.1 to All
            park s1
              true
            resume r1 on=n2
              s1#2 r3 after @1.0 joined @1.0, replay, resumed
            held
              Held { tickets: 0, users: 1, sessions: 2, tokens: 3, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn of_too_many_the_latest_admissions_stay() {
    check(
        "mint 1 alice max=1; admit 1 s1; forget; +5s; mint 2 alice max=1; admit 2 s2 on=n2; \
         reassert s1; resume r1; forget; reassert s1; reassert s2",
        &expect![[r#"
            mint 1 alice max=1
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            forget
            +5s
            mint 2 alice max=1
            admit 2 s2 on=n2
              s2#1 r2 after @2.0 joined @2.0, first
            reassert s1
              4409 replaced
            resume r1
              4409 replaced
            forget
            reassert s1
              stands, ended
            reassert s2
              stands, ended s1
              -> n1 alice: end s1#1 4409 replaced by s2
        "#]],
    );
}

#[test]
fn a_policy_counts_those_who_were_there_before_it() {
    check(
        "mint 1 alice max=1; admit 1 s1; +1s; mint 2 alice; admit 2 s2; +1s; mint 3 alice max=1 \
         per=device device=phone; admit 3 s3; forget; reassert s3; reassert s1; reassert s2",
        &expect![[r#"
            mint 1 alice max=1
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +1s
            mint 2 alice
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            +1s
            mint 3 alice max=1 per=device device=phone
            admit 3 s3
              s3#1 r3 after @1.0 joined @1.0
            forget
            reassert s3
              stands, ended
            reassert s1
              stands, ended
            reassert s2
              stands, ended
        "#]],
    );
}

#[test]
fn whoever_came_since_counts_those_who_come_back() {
    check(
        "mint 1 alice; admit 1 s1; +1s; mint 2 alice; admit 2 s2; forget; +1s; mint 3 alice max=2; \
         admit 3 s3 on=n2; reassert s2; reassert s1; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +1s
            mint 2 alice
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            forget
            +1s
            mint 3 alice max=2
            admit 3 s3 on=n2
              s3#1 r3 after @2.0 joined @2.0, first
            reassert s2
              stands, ended
            reassert s1
              4409 replaced
            sessions alice
              s2 of alice at n1 Live created 1s connected 1s active 1s
              s3 of alice at n2 Live created 2s connected 2s active 2s
        "#]],
    );
}

#[test]
fn whoever_is_kept_out_or_ended_or_is_too_old_does_not_come_back() {
    check(
        "mint 1 alice; admit 1 s1; mint 2 bob age=60; admit 2 s2; mint 3 carol; admit 3 s3; forget; \
         block alice; reassert s1; reassert s3; end carol; reassert s3; +61s; reassert s2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            mint 2 bob age=60
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            mint 3 carol
            admit 3 s3
              s3#1 r3 after @3.0 joined @3.0, first
            forget
            block alice
              ended
            reassert s1
              4403 forbidden
            reassert s3
              stands, ended
            end carol
              ended s3, the last
              -> n1 carol: end s3#1 4410 closed-by-backend
            reassert s3
              4410 closed-by-backend
            +61s
            reassert s2
              4203 too-old
        "#]],
    );
}

#[test]
fn the_later_admission_of_one_session_stands() {
    check(
        "mint 1 alice; admit 1 s1; forget; reassert s1; +1s; resume r1 on=n2; forget; reassert s1; \
         reassert s1 time=2; reassert s1; held; resume r2 on=n3; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            forget
            reassert s1
              stands, ended
            +1s
            resume r1 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            forget
            reassert s1
              stands, ended
            reassert s1 time=2
              stands, ended
              -> n1 alice: end s1#1 4205 taken-over
            reassert s1
              4205 taken-over
            held
              Held { tickets: 0, users: 1, sessions: 1, tokens: 2, ended: 0, keys: 0, blocks: 0 }
            resume r2 on=n3
              s1#3 r3 after @2.0 joined @1.0, replay, resumed
              -> n2 alice: end s1#2 4205 taken-over
            sessions alice
              s1 of alice at n3 Live created 0s connected 1s active 0s
        "#]],
    );
}

#[test]
fn a_session_that_joined_a_later_stream_is_not_passed_over() {
    check(
        "mint 1 alice; admit 1 s1; forget; +10s; mint 2 alice; admit 2 s2 on=n2; forget; -5s; \
         reassert s1; reassert s2; send alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            forget
            +10s
            mint 2 alice
            admit 2 s2 on=n2
              s2#1 r2 after @2.0 joined @2.0, first
            forget
            -5s
            reassert s1
              stands, ended
            reassert s2
              stands, ended
            send alice
              @?.1, 2 live, 0 parked
              -> n1 alice: message @?.1 to All
              -> n2 alice: message @?.1 to All
        "#]],
    );
}
