//! Tokens, takeovers, end codes, fences: how a session goes on, and what cannot touch it.

use expect_test::expect;

use super::check;

#[test]
fn a_session_resumes_on_any_node_with_a_new_token() {
    check(
        "mint 1 alice device=phone; admit 1 s1; send alice; park s1; +100s; resume r1 after=0 on=n2; \
         sessions alice; resume r1; resume r2",
        &expect![[r#"
            mint 1 alice device=phone
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            park s1
              true
            +100s
            resume r1 after=0 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            sessions alice
              s1 of alice on phone at n2 Live created 0s connected 100s active 0s
            resume r1
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
              -> n2 alice: end s1#2 4205 taken-over
            resume r2
              4202 cannot-resume
        "#]],
    );
}

#[test]
fn the_old_token_is_good_until_the_new_one_has_arrived_j9() {
    check(
        "mint 1 alice; admit 1 s1; park s1; resume r1; resume r1; resume r2; resume r3; \
         touch s1 welcomed; resume r1; resume r3; resume r4; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            resume r1
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#2 4205 taken-over
            resume r2
              4202 cannot-resume
            resume r3
              s1#4 r5 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#3 4205 taken-over
            touch s1 welcomed
            resume r1
              4202 cannot-resume
            resume r3
              4202 cannot-resume
            resume r4
              4202 cannot-resume
            held
              Held { tickets: 1, users: 1, sessions: 1, tokens: 1, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn the_same_resume_tried_again_is_answered_again() {
    check(
        "mint 1 alice; admit 1 s1; park s1; resume r1; again; touch s1 welcomed; held; resume r2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            again
              s1#3 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#2 4205 taken-over
            touch s1 welcomed
            held
              Held { tickets: 1, users: 1, sessions: 1, tokens: 1, ended: 0, keys: 0, blocks: 0 }
            resume r2
              s1#4 r3 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#3 4205 taken-over
        "#]],
    );
}

#[test]
fn a_stale_confirmation_does_not_void_a_token() {
    check(
        "mint 1 alice; admit 1 s1; resume r1; resume r1; touch s1#2 welcomed; resume r1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            resume r1
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#2 4205 taken-over
            touch s1#2 welcomed
            resume r1
              s1#4 r4 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#3 4205 taken-over
        "#]],
    );
}

#[test]
fn a_socket_that_is_taken_over_is_told_at_its_own_node() {
    check(
        "mint 1 alice; admit 1 s1 on=n1; resume r1 on=n2; resume r2 on=n2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1 on=n1
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            resume r2 on=n2
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
              -> n2 alice: end s1#2 4205 taken-over
        "#]],
    );
}

#[test]
fn a_session_that_ended_is_refused_with_its_code_for_one_window_j9() {
    check(
        "mint 1 alice single; mint 2 alice single; admit 1 s1; admit 2 s2; end alice; \
         +119s; sweep; resume r1; resume r2; +1s; sweep; resume r1; resume r2",
        &expect![[r#"
            mint 1 alice single
            mint 2 alice single
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1
              -> n1 alice: end s1#1 4409 replaced by s2
            end alice
              ended s2, the last
              -> n1 alice: end s2#1 4410 closed-by-backend
            +119s
            sweep
            resume r1
              4409 replaced
            resume r2
              4410 closed-by-backend
            +1s
            sweep
            resume r1
              4202 cannot-resume
            resume r2
              4202 cannot-resume
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; resume r1; end alice; resume r1; resume r2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            end alice
              ended s1, the last
              -> n1 alice: end s1#2 4410 closed-by-backend
            resume r1
              4410 closed-by-backend
            resume r2
              4410 closed-by-backend
        "#]],
    );
}

#[test]
fn a_session_that_left_cannot_be_resumed_j9() {
    check(
        "mint 1 alice; admit 1 s1; release s1; resume r1; resume r9",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            release s1
              last
            resume r1
              4202 cannot-resume
            resume r9
              4202 cannot-resume
        "#]],
    );
}

#[test]
fn a_session_may_resume_within_its_window_only() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +119s; resume r1; park s1; +120s; resume r2; sweep; resume r2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +119s
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            park s1
              true
            +120s
            resume r2
              4202 cannot-resume
            sweep
              ended s1 of alice 4202 cannot-resume, the last
            resume r2
              4202 cannot-resume
        "#]],
    );
}

#[test]
fn a_session_that_is_too_old_is_not_resumed() {
    check(
        "mint 1 alice age=60; admit 1 s1; park s1; +59s; resume r1; +1s; resume r2; sweep; resume r2",
        &expect![[r#"
            mint 1 alice age=60
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +59s
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            +1s
            resume r2
              4203 too-old
            sweep
              ended s1 of alice 4203 too-old, the last
              -> n1 alice: end s1#2 4203 too-old
            resume r2
              4203 too-old
        "#]],
    );
}

#[test]
fn a_resume_checks_the_origin_again() {
    check(
        "mint 1 alice bound=a.example; admit 1 s1 from=a.example; resume r1; \
         resume r1 from=b.example allowed; resume r1 from=a.example",
        &expect![[r#"
            mint 1 alice bound=a.example
            admit 1 s1 from=a.example
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1
              4403 forbidden
            resume r1 from=b.example allowed
              4403 forbidden
            resume r1 from=a.example
              s1#2 r4 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
        "#]],
    );
}

#[test]
fn what_a_stale_admission_says_changes_nothing() {
    check(
        "mint 1 alice; admit 1 s1 on=n1; resume r1 on=n2; +9s; park s1#1; release s1#1; \
         touch s1#1 active; touch s1#1 @5; sessions alice; park s1; park s1; release s1; release s1; \
         touch s1 active; park s1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1 on=n1
              s1#1 r1 after @1.0 joined @1.0, first
            resume r1 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            +9s
            park s1#1
              false
            release s1#1
              false
            touch s1#1 active
            touch s1#1 @5
            sessions alice
              s1 of alice at n2 Live created 0s connected 0s active 0s
            park s1
              true
            park s1
              false
            release s1
              last
            release s1
              false
            touch s1 active
            park s1
              false
        "#]],
    );
}

#[test]
fn a_resumed_session_is_the_same_in_lists() {
    check(
        "mint 1 alice; admit 1 s1; send alice; +5s; touch s1 active; touch s1 @1; touch s1 @0; park s1; \
         sessions alice; +5s; resume r1 on=n2; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            +5s
            touch s1 active
            touch s1 @1
            touch s1 @0
            park s1
              true
            sessions alice
              s1 of alice at n1 Parked until 125s created 0s connected 0s active 5s acked @1.1
            +5s
            resume r1 on=n2
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            sessions alice
              s1 of alice at n2 Live created 0s connected 10s active 5s acked @1.1
        "#]],
    );
}

#[test]
fn a_node_that_was_taken_for_lost_takes_back_what_is_still_its_own() {
    check(
        "mint 1 alice; admit 1 s1; reclaim s1; park s1; reclaim s1; count alice
         park s1; resume r1; park s1; reclaim s1#1; reclaim s1; count alice
         park s1; +120s; reclaim s1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            reclaim s1
              false
            park s1
              true
            reclaim s1
              true
            count alice
              1 live, 0 parked
            park s1
              true
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            park s1
              true
            reclaim s1#1
              false
            reclaim s1
              true
            count alice
              1 live, 0 parked
            park s1
              true
            +120s
            reclaim s1
              false
        "#]],
    );
}
