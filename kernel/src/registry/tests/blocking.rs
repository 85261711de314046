//! Users who are kept out, and sessions that are kept though a resume was refused.

use expect_test::expect;

use super::check;

#[test]
fn a_blocked_user_is_ended_and_kept_out_until_the_block_is_lifted() {
    check(
        "mint 1 alice; mint 2 alice ttl=600; mint 3 bob; admit 1 s1; admit 3 s3
         block alice
         count alice; count bob
         resume r1 after=0; admit 2 s2; mint 4 alice
         lift alice
         admit 2 s2; resume r1 after=0; mint 4 alice; lift carol",
        &expect![[r#"
            mint 1 alice
            mint 2 alice ttl=600
            mint 3 bob
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 3 s3
              s3#1 r2 after @2.0 joined @2.0, first
            block alice
              ended s1, the last
              -> n1 alice: end s1#1 4403 forbidden
            count alice
              0 live, 0 parked, blocked
            count bob
              1 live, 0 parked
            resume r1 after=0
              4403 forbidden
            admit 2 s2
              4403 forbidden
            mint 4 alice
              blocked
            lift alice
              ended
            admit 2 s2
              s2#1 r5 after @1.0 joined @1.0, first
            resume r1 after=0
              4403 forbidden
            mint 4 alice
            lift carol
              ended
        "#]],
    );
}

#[test]
fn a_block_may_have_an_end_and_the_latest_word_counts() {
    check(
        "block alice for=10; +9s; mint 1 alice; +1s; mint 2 alice; count alice
         block bob for=10; block bob; +10s; mint 3 bob
         block bob for=1; +1s; mint 4 bob",
        &expect![[r#"
            block alice for=10
              ended
            +9s
            mint 1 alice
              blocked
            +1s
            mint 2 alice
            count alice
              0 live, 0 parked
            block bob for=10
              ended
            block bob
              ended
            +10s
            mint 3 bob
              blocked
            block bob for=1
              ended
            +1s
            mint 4 bob
        "#]],
    );
}

#[test]
fn blocks_are_listed_by_name_and_forgotten_when_they_are_over() {
    check(
        "block carol; block alice for=10; block bob
         blocks 2; blocks 2 after=bob; held; +10s
         blocks 9; sweep; held",
        &expect![[r#"
            block carol
              ended
            block alice for=10
              ended
            block bob
              ended
            blocks 2
              alice until 10s
              bob
            blocks 2 after=bob
              carol
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 3 }
            +10s
            blocks 9
              bob
              carol
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 2 }
        "#]],
    );
}

#[test]
fn parked_sessions_of_a_blocked_user_stay_out_too() {
    check(
        "mint 1 alice; admit 1 s1; park s1
         block alice
         resume r1 after=0; lift alice; resume r1 after=0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            block alice
              ended s1, the last
            resume r1 after=0
              4403 forbidden
            lift alice
              ended
            resume r1 after=0
              4403 forbidden
        "#]],
    );
}

#[test]
fn a_session_whose_resume_was_refused_for_now_is_kept_longer() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +100s
         hold r1 for=60; +50s; session s1; resume r1 after=0
         park s1; hold r2 for=1; session s1; hold r9",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +100s
            hold r1 for=60
            +50s
            session s1
              s1 of alice at n1 Parked until 160s created 0s connected 0s active 0s
            resume r1 after=0
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            park s1
              true
            hold r2 for=1
            session s1
              s1 of alice at n1 Parked until 270s created 0s connected 150s active 0s
            hold r9
        "#]],
    );
}

#[test]
fn a_session_that_is_over_is_not_kept_longer() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +120s; hold r1 for=60; resume r1 after=0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +120s
            hold r1 for=60
            resume r1 after=0
              4202 cannot-resume
        "#]],
    );
}

#[test]
fn a_session_is_kept_though_its_node_has_not_noticed_yet_that_its_socket_is_lost() {
    check(
        "mint 1 alice; admit 1 s1; hold r1 for=200; +10s; park s1; session s1
         +150s; resume r1 after=0; park s1; session s1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            hold r1 for=200
            +10s
            park s1
              true
            session s1
              s1 of alice at n1 Parked until 200s created 0s connected 0s active 0s
            +150s
            resume r1 after=0
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            park s1
              true
            session s1
              s1 of alice at n1 Parked until 280s created 0s connected 160s active 0s
        "#]],
    );
}

#[test]
fn no_session_is_kept_beyond_its_age() {
    check(
        "mint 1 alice age=60; admit 1 s1; +10s; park s1; hold r1 for=100; session s1
         mint 2 alice; admit 2 s2; +50s; send alice; resume r1 after=0; count alice",
        &expect![[r#"
            mint 1 alice age=60
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            park s1
              true
            hold r1 for=100
            session s1
              s1 of alice at n1 Parked until 60s created 0s connected 0s active 0s
            mint 2 alice
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            +50s
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            resume r1 after=0
              4203 too-old
            count alice
              1 live, 0 parked
        "#]],
    );
}

#[test]
fn a_block_ends_who_is_only_waiting_to_be_swept() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +120s; block alice; -10s; count alice
         resume r1 after=0
         mint 2 bob; admit 2 s2; park s2; +120s; end bob; -10s; resume r2 after=0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +120s
            block alice
              ended s1 4202 cannot-resume, the last
            -10s
            count alice
              0 live, 0 parked, blocked
            resume r1 after=0
              4202 cannot-resume
            mint 2 bob
            admit 2 s2
              s2#1 r3 after @2.0 joined @2.0, first
            park s2
              true
            +120s
            end bob
              ended s2 4202 cannot-resume, the last
            -10s
            resume r2 after=0
              4202 cannot-resume
        "#]],
    );
}
