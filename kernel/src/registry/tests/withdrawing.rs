//! Attempts whose outcome was lost, and who are taken back.

use expect_test::expect;

use super::check;

#[test]
fn a_new_session_of_an_attempt_that_is_withdrawn_ends() {
    check(
        "mint 1 alice; admit 1 s1; withdraw; sessions alice; again; withdraw; resume r1; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            withdraw
              ended s1, the last
            sessions alice
              none
            again
              4201 ticket-spent
            withdraw
              it had got nothing
            resume r1
              4202 cannot-resume
            held
              Held { tickets: 1, users: 1, sessions: 0, tokens: 0, ended: 1, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn a_session_that_came_back_by_an_attempt_that_is_withdrawn_is_parked() {
    check(
        "mint 1 alice; admit 1 s1; park s1; resume r1; withdraw; count alice; again; send alice; \
         resume r1 after=0; read alice 0; withdraw; resume r1; touch s1 welcomed; resume r1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            withdraw
              parked
            count alice
              0 live, 1 parked
            again
              4202 cannot-resume
            send alice
              @1.1, 0 live, 1 parked
            resume r1 after=0
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
            read alice 0
              [@1.1] until @1.1
            withdraw
              parked
            resume r1
              s1#4 r4 after @1.0 joined @1.0, replay, resumed
            touch s1 welcomed
            resume r1
              4202 cannot-resume
        "#]],
    );
}

#[test]
fn an_attempt_that_comes_after_it_was_withdrawn_is_refused_and_spends_nothing() {
    check(
        "mint 1 alice; admit 1 s1 late; withdraw; again; sessions alice; admit 1 s2; park s2; \
         resume r2 on=n1 late; withdraw; again; count alice; resume r2; +120s; sweep; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1 late
            withdraw
              it had got nothing
            again
              4201 ticket-spent
            sessions alice
              none
            admit 1 s2
              s2#1 r2 after @1.0 joined @1.0, first
            park s2
              true
            resume r2 on=n1 late
            withdraw
              it had got nothing
            again
              4202 cannot-resume
            count alice
              0 live, 1 parked
            resume r2
              s2#2 r4 after @1.0 joined @1.0, replay, resumed
            +120s
            sweep
            held
              Held { tickets: 0, users: 1, sessions: 1, tokens: 2, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn what_others_have_since_is_left_to_them() {
    check(
        "mint 1 alice; admit 1 s1; resume r1 on=n2; resume r1 on=n1 late; withdraw; count alice; \
         mint 2 alice single; admit 2 s2; withdraw; admit 2 s3 late; withdraw; count alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            resume r1 on=n1 late
            withdraw
              it had got nothing
            count alice
              1 live, 0 parked
            mint 2 alice single
            admit 2 s2
              s2#1 r4 after @1.0 joined @1.0
              ended s1
              -> n2 alice: end s1#2 4409 replaced by s2
            withdraw
              ended s2, the last
            admit 2 s3 late
            withdraw
              it had got nothing
            count alice
              0 live, 0 parked
        "#]],
    );
}
