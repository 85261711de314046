//! What time takes away, and that nothing is left at the end.

use expect_test::expect;

use super::check;

#[test]
fn a_sweep_ends_what_is_over() {
    check(
        "mint 1 alice; mint 2 alice; mint 3 bob age=60; admit 1 s1; admit 2 s2; admit 3 s3 on=n2; \
         park s1; +59s; sweep; +1s; sweep; +60s; sweep; count alice; count bob",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            mint 3 bob age=60
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3 on=n2
              s3#1 r3 after @2.0 joined @2.0, first
            park s1
              true
            +59s
            sweep
            +1s
            sweep
              ended s3 of bob 4203 too-old, the last
              -> n2 bob: end s3#1 4203 too-old
            +60s
            sweep
              ended s1 of alice 4202 cannot-resume
            count alice
              1 live, 0 parked
            count bob
              0 live, 0 parked
        "#]],
    );
}

#[test]
fn a_session_lives_a_month_at_most() {
    check(
        "mint 1 alice age=9000000; admit 1 s1; +2591999s; sweep; +1s; sweep",
        &expect![[r#"
            mint 1 alice age=9000000
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +2591999s
            sweep
            +1s
            sweep
              ended s1 of alice 4203 too-old, the last
              -> n1 alice: end s1#1 4203 too-old
        "#]],
    );
}

#[test]
fn a_sweep_does_some_at_a_time_and_waits_for_those_who_cannot_be_told() {
    check(
        "mint 1 alice age=1; mint 2 bob age=1; mint 3 bob age=1; admit 1 s1; admit 2 s2; admit 3 s3; \
         +2s; sweep deaf=alice most=1; sweep deaf=alice most=1; sweep deaf=alice most=1; sweep most=1; sweep",
        &expect![[r#"
            mint 1 alice age=1
            mint 2 bob age=1
            mint 3 bob age=1
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            admit 3 s3
              s3#1 r3 after @2.0 joined @2.0
            +2s
            sweep deaf=alice most=1
              ended s2 of bob 4203 too-old
              -> n1 bob: end s2#1 4203 too-old
            sweep deaf=alice most=1
              ended s3 of bob 4203 too-old, the last
              -> n1 bob: end s3#1 4203 too-old
            sweep deaf=alice most=1
            sweep most=1
              ended s1 of alice 4203 too-old, the last
              -> n1 alice: end s1#1 4203 too-old
            sweep
        "#]],
    );
}

#[test]
fn nothing_is_left_when_all_is_over() {
    check(
        "mint 1 alice single; mint 2 alice single; mint 3 bob; mint 4 bob; mint 5 carol; mint 6 dave; \
         admit 1 s1; admit 2 s2; admit 3 s3; admit 4 s4; admit 5 s5; park s3; resume r3; resume r3; \
         send bob; send alice; end bob one=s4; park s3; release s2; release s5; +200s; sweep; held; \
         +200s; sweep; held",
        &expect![[r#"
            mint 1 alice single
            mint 2 alice single
            mint 3 bob
            mint 4 bob
            mint 5 carol
            mint 6 dave
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1
              -> n1 alice: end s1#1 4409 replaced by s2
            admit 3 s3
              s3#1 r3 after @2.0 joined @2.0, first
            admit 4 s4
              s4#1 r4 after @2.0 joined @2.0
            admit 5 s5
              s5#1 r5 after @3.0 joined @3.0, first
            park s3
              true
            resume r3
              s3#2 r6 after @3.0 joined @2.0, replay, resumed
            resume r3
              s3#3 r7 after @3.0 joined @2.0, replay, resumed
              -> n1 bob: end s3#2 4205 taken-over
            send bob
              @2.1, 2 live, 0 parked
              -> n1 bob: message @2.1 to All
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            end bob one=s4
              ended s4
              -> n1 bob: end s4#1 4410 closed-by-backend
            park s3
              true
            release s2
              last
            release s5
              last
            +200s
            sweep
              ended s3 of bob 4202 cannot-resume, the last
            held
              Held { tickets: 0, users: 1, sessions: 0, tokens: 0, ended: 2, keys: 0, blocks: 0 }
            +200s
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn nothing_is_left_though_the_clock_went_back() {
    check(
        "mint 1 alice; admit 1 s1; release s1; -100s; mint 2 bob; admit 2 s2; release s2; +119s; sweep; held; \
         +200s; sweep; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            release s1
              last
            -100s
            mint 2 bob
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            release s2
              last
            +119s
            sweep
            held
              Held { tickets: 1, users: 2, sessions: 0, tokens: 0, ended: 2, keys: 0, blocks: 0 }
            +200s
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}
