//! Messages: their numbers, targets and mail; and what lists show.

use expect_test::expect;

use super::{Terms, check, check_with};

#[test]
fn a_message_to_nobody_takes_no_position_a11() {
    check(
        "send alice; mint 1 alice; send alice; admit 1 s1; send alice; release s1; send alice",
        &expect![[r#"
            send alice
              no position, 0 live, 0 parked
            mint 1 alice
            send alice
              no position, 0 live, 0 parked
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            release s1
              last
            send alice
              no position, 0 live, 0 parked
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; park s1; +120s; send alice; send alice to=active",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +120s
            send alice
              no position, 0 live, 0 parked
            send alice to=active
              no position, 0 live, 0 parked
        "#]],
    );
}

#[test]
fn one_envelope_goes_to_each_node_with_a_target() {
    check(
        "mint 1 alice device=d class=c; mint 2 alice class=c; mint 3 alice; admit 1 s1 on=n1; \
         admit 2 s2 on=n1; admit 3 s3 on=n2; send alice; send alice to=class:c; \
         send alice to=device:d; send alice to=session:s3; send alice except=s3; \
         send alice to=device:x; send alice to=session:s3 except=s3",
        &expect![[r#"
            mint 1 alice device=d class=c
            mint 2 alice class=c
            mint 3 alice
            admit 1 s1 on=n1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n1
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3 on=n2
              s3#1 r3 after @1.0 joined @1.0
            send alice
              @1.1, 3 live, 0 parked
              -> n1 alice: message @1.1 to All
              -> n2 alice: message @1.1 to All
            send alice to=class:c
              @1.2, 2 live, 0 parked
              -> n1 alice: message @1.2 to Class(DeviceClass("c"))
            send alice to=device:d
              @1.3, 1 live, 0 parked
              -> n1 alice: message @1.3 to Device(DeviceId("d"))
            send alice to=session:s3
              @1.4, 1 live, 0 parked
              -> n2 alice: message @1.4 to Session(s_000000000000000000000003)
            send alice except=s3
              @1.5, 2 live, 0 parked
              -> n1 alice: message @1.5 to All
            send alice to=device:x
              @1.6, 0 live, 0 parked
            send alice to=session:s3 except=s3
              @1.7, 0 live, 0 parked
        "#]],
    );
}

#[test]
fn parked_sessions_count_but_get_no_mail() {
    check(
        "mint 1 alice; mint 2 alice; admit 1 s1; admit 2 s2 on=n2; park s1; send alice; park s2; send alice",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
            park s1
              true
            send alice
              @1.1, 1 live, 1 parked
              -> n2 alice: message @1.1 to All
            park s2
              true
            send alice
              @1.2, 0 live, 2 parked
        "#]],
    );
}

#[test]
fn a_volatile_message_is_for_live_sessions_and_not_kept() {
    check(
        "mint 1 alice; mint 2 alice; admit 1 s1; admit 2 s2; park s2; send alice volatile; send alice; read alice 0",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            park s2
              true
            send alice volatile
              no position, 1 live, 0 parked
              -> n1 alice: message volatile to All
            send alice
              @1.1, 1 live, 1 parked
              -> n1 alice: message @1.1 to All
            read alice 0
              [@1.1] until @1.1
        "#]],
    );
}

#[test]
fn active_is_the_live_session_that_was_used_last() {
    check(
        "mint 1 alice; mint 2 alice; admit 1 s1; +1s; admit 2 s2; send alice to=active; +1s; \
         touch s1 active; send alice to=active; park s1; send alice to=active; park s2; \
         send alice to=active; resume r1; send alice to=active",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +1s
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            send alice to=active
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to Session(s_000000000000000000000002)
            +1s
            touch s1 active
            send alice to=active
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to Session(s_000000000000000000000001)
            park s1
              true
            send alice to=active
              @1.3, 1 live, 0 parked
              -> n1 alice: message @1.3 to Session(s_000000000000000000000002)
            park s2
              true
            send alice to=active
              @1.4, 0 live, 1 parked
            resume r1
              s1#2 r3 after @1.0 joined @1.0, replay, resumed
            send alice to=active
              @1.5, 1 live, 0 parked
              -> n1 alice: message @1.5 to Session(s_000000000000000000000001)
        "#]],
    );
}

#[test]
fn the_choice_of_active_stays_with_the_message() {
    check(
        "mint 1 alice; admit 1 s1; park s1; send alice to=active; mint 2 alice; admit 2 s2; \
         send alice to=active; read alice 0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            send alice to=active
              @1.1, 0 live, 1 parked
            mint 2 alice
            admit 2 s2
              s2#1 r2 after @1.1 joined @1.1
            send alice to=active
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to Session(s_000000000000000000000002)
            read alice 0
              [@1.1 @1.2] until @1.2
        "#]],
    );
}

#[test]
fn a_message_whose_time_is_over_is_not_read_and_is_no_gap() {
    check(
        "mint 1 alice; admit 1 s1; send alice ttl=5; send alice; +4s; read alice 0; +1s; read alice 0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice ttl=5
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            send alice
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to All
            +4s
            read alice 0
              [@1.1 @1.2] until @1.2
            +1s
            read alice 0
              [@1.2] until @1.2
        "#]],
    );
}

#[test]
fn a_burst_beyond_the_bound_is_a_gap_for_those_who_were_away() {
    let mut terms = Terms::default();
    terms.stream.messages = 2;
    check_with(
        terms,
        "mint 1 alice; admit 1 s1; send alice; send alice; send alice; read alice 0; read alice 1; \
         read alice 2; read alice 0 most=1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            send alice
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to All
            send alice
              @1.3, 1 live, 0 parked
              -> n1 alice: message @1.3 to All
            read alice 0
              gap @1.0 to @1.1 Overflow
              [@1.2 @1.3] until @1.3
            read alice 1
              [@1.2 @1.3] until @1.3
            read alice 2
              [@1.3] until @1.3
            read alice 0 most=1
              gap @1.0 to @1.1 Overflow
              [@1.2] until @1.2, more
        "#]],
    );
}

#[test]
fn a_stream_outlives_its_sessions_for_a_while() {
    check(
        "mint 1 alice; admit 1 s1; send alice; release s1; +100s; sweep; mint 2 alice; admit 2 s2 after=0; \
         release s2; +80s; sweep; held; mint 3 alice; admit 3 s3 after=1.1; +1s; release s3; +179s; sweep; held; \
         +1s; sweep; held; mint 4 alice; admit 4 s4; read alice 1.1; read bob 0",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            release s1
              last
            +100s
            sweep
            mint 2 alice
            admit 2 s2 after=0
              s2#1 r2 after @1.0 joined @1.0, replay, first
            release s2
              last
            +80s
            sweep
            held
              Held { tickets: 1, users: 1, sessions: 0, tokens: 0, ended: 1, keys: 0, blocks: 0 }
            mint 3 alice
            admit 3 s3 after=1.1
              s3#1 r3 after @1.1 joined @1.1, replay, first
            +1s
            release s3
              last
            +179s
            sweep
            held
              Held { tickets: 0, users: 1, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
            +1s
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
            mint 4 alice
            admit 4 s4
              s4#1 r4 after @2.0 joined @2.0, first
            read alice 1.1
              gap @1.1 to @2.0 Epoch
              [] until @2.0
            read bob 0
              nobody reads
        "#]],
    );
}

#[test]
fn a_session_that_lost_its_place_reads_nothing_more() {
    check(
        "mint 1 alice; mint 2 alice; admit 1 s1; admit 2 s2; send alice; read alice 0 by=s1; \
         resume r1 after=0; read alice 0 by=s1#1; read alice 0 by=s1#2; park s1; \
         read alice 0 by=s1; end alice one=s1; send alice; read alice 0 by=s1; read alice 0 by=s2",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            send alice
              @1.1, 2 live, 0 parked
              -> n1 alice: message @1.1 to All
            read alice 0 by=s1
              [@1.1] until @1.1
            resume r1 after=0
              s1#2 r3 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            read alice 0 by=s1#1
              nothing to read
            read alice 0 by=s1#2
              [@1.1] until @1.1
            park s1
              true
            read alice 0 by=s1
              [@1.1] until @1.1
            end alice one=s1
              ended s1
            send alice
              @1.2, 1 live, 0 parked
              -> n1 alice: message @1.2 to All
            read alice 0 by=s1
              nothing to read
            read alice 0 by=s2
              [@1.1 @1.2] until @1.2
        "#]],
    );
}

#[test]
fn lists_go_on_after_a_cursor() {
    check(
        "mint 1 alice; mint 2 bob; mint 3 alice; admit 1 s3; +1s; admit 2 s2; +1s; admit 3 s1; list 2; \
         list 2 after=s2; list 2 after=s3; sessions alice; sessions carol; session s2; session s9; \
         park s2; +120s; session s2; list 5; count bob; count carol",
        &expect![[r#"
            mint 1 alice
            mint 2 bob
            mint 3 alice
            admit 1 s3
              s3#1 r1 after @1.0 joined @1.0, first
            +1s
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            +1s
            admit 3 s1
              s1#1 r3 after @1.0 joined @1.0
            list 2
              s1 of alice at n1 Live created 2s connected 2s active 2s
              s2 of bob at n1 Live created 1s connected 1s active 1s
            list 2 after=s2
              s3 of alice at n1 Live created 0s connected 0s active 0s
            list 2 after=s3
              none
            sessions alice
              s3 of alice at n1 Live created 0s connected 0s active 0s
              s1 of alice at n1 Live created 2s connected 2s active 2s
            sessions carol
              none
            session s2
              s2 of bob at n1 Live created 1s connected 1s active 1s
            session s9
              none
            park s2
              true
            +120s
            session s2
              none
            list 5
              s1 of alice at n1 Live created 2s connected 2s active 2s
              s3 of alice at n1 Live created 0s connected 0s active 0s
            count bob
              0 live, 0 parked
            count carol
              0 live, 0 parked
        "#]],
    );
}

#[test]
fn the_backend_ends_all_but_one_or_just_one_a13() {
    check(
        "mint 1 alice; mint 2 alice; mint 3 alice; admit 1 s1; admit 2 s2 on=n2; admit 3 s3; park s3; \
         end alice one=s3; end alice one=s3; end alice but=s1; end alice but=s9; end alice; end carol",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            mint 3 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3
              s3#1 r3 after @1.0 joined @1.0
            park s3
              true
            end alice one=s3
              ended s3
            end alice one=s3
              ended
            end alice but=s1
              ended s2
              -> n2 alice: end s2#1 4410 closed-by-backend
            end alice but=s9
              ended s1, the last
              -> n1 alice: end s1#1 4410 closed-by-backend
            end alice
              ended
            end carol
              ended
        "#]],
    );
}
