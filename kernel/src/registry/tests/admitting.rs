//! Tickets, origins, policies: who gets a place, and who loses one.

use expect_test::expect;

use super::check;

#[test]
fn a_ticket_opens_one_session_h13_h14() {
    check(
        "mint 1 alice; admit 1 s1; admit 1 s2 on=n2; again; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 1 s2 on=n2
              4201 ticket-spent
            again
              4201 ticket-spent
            sessions alice
              s1 of alice at n1 Live created 0s connected 0s active 0s
        "#]],
    );
}

#[test]
fn the_same_attempt_gets_the_same_session_while_that_stands() {
    check(
        "mint 1 alice; admit 1 s1; again; +60s; again; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            again
              s1#1 r1 after @1.0 joined @1.0, first
            +60s
            again
              s1#1 r1 after @1.0 joined @1.0, first
            held
              Held { tickets: 1, users: 1, sessions: 1, tokens: 1, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; send alice; again",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            again
              s1#1 r1 after @1.0 joined @1.0, first
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; release s1; again; held",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            release s1
              last
            again
              4201 ticket-spent
            held
              Held { tickets: 1, users: 1, sessions: 0, tokens: 0, ended: 1, keys: 0, blocks: 0 }
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; park s1; again",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            again
              4201 ticket-spent
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; end alice; again",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            end alice
              ended s1, the last
              -> n1 alice: end s1#1 4410 closed-by-backend
            again
              4201 ticket-spent
        "#]],
    );
}

#[test]
fn a_ticket_that_is_late_or_never_was_is_refused_h12() {
    check(
        "admit 9; mint 1 alice ttl=30; +29s; sweep; mint 2 alice ttl=30; +1s; admit 1; +59s; sweep; admit 1; \
         +1s; sweep; admit 1; admit 2; +60s; sweep; held",
        &expect![[r#"
            admit 9
              4204 ticket-unknown
            mint 1 alice ttl=30
            +29s
            sweep
            mint 2 alice ttl=30
            +1s
            admit 1
              4200 ticket-expired
            +59s
            sweep
            admit 1
              4200 ticket-expired
            +1s
            sweep
            admit 1
              4204 ticket-unknown
            admit 2
              4200 ticket-expired
            +60s
            sweep
            held
              Held { tickets: 0, users: 0, sessions: 0, tokens: 0, ended: 0, keys: 0, blocks: 0 }
        "#]],
    );
}

#[test]
fn a_spent_ticket_is_remembered_over_its_end() {
    check(
        "mint 1 alice ttl=30; admit 1 s1; +89s; sweep; admit 1 s2; +1s; sweep; admit 1 s2",
        &expect![[r#"
            mint 1 alice ttl=30
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +89s
            sweep
            admit 1 s2
              4201 ticket-spent
            +1s
            sweep
            admit 1 s2
              4204 ticket-unknown
        "#]],
    );
}

#[test]
fn a_page_must_be_the_tickets_own_or_an_allowed_one_h10() {
    check(
        "mint 1 alice bound=a.example; admit 1 s1; admit 1 s1 from=b.example allowed; \
         admit 1 s1 from=a.example",
        &expect![[r#"
            mint 1 alice bound=a.example
            admit 1 s1
              4403 forbidden
            admit 1 s1 from=b.example allowed
              4403 forbidden
            admit 1 s1 from=a.example
              s1#1 r3 after @1.0 joined @1.0, first
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1 from=b.example; admit 1 s1 from=b.example allowed; \
         mint 2 alice; admit 2 s2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1 from=b.example
              4403 forbidden
            admit 1 s1 from=b.example allowed
              s1#1 r2 after @1.0 joined @1.0, first
            mint 2 alice
            admit 2 s2
              s2#1 r3 after @1.0 joined @1.0
        "#]],
    );
}

#[test]
fn a_single_session_is_replaced_and_its_node_told_by_whom() {
    check(
        "mint 1 alice single; mint 2 alice single device=phone; admit 1 s1 on=n1; \
         admit 2 s2 on=n2; resume r1; sessions alice",
        &expect![[r#"
            mint 1 alice single
            mint 2 alice single device=phone
            admit 1 s1 on=n1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
              ended s1
              -> n1 alice: end s1#1 4409 replaced by s2 on phone
            resume r1
              4409 replaced
            sessions alice
              s2 of alice on phone at n2 Live created 0s connected 0s active 0s
        "#]],
    );
}

#[test]
fn sessions_that_yield_on_one_node_are_told_in_one_envelope() {
    check(
        "mint 1 alice; mint 2 alice; mint 3 alice; admit 1 s1 on=n1; admit 2 s2 on=n2; \
         admit 3 s3 on=n1; mint 4 alice single; admit 4 s4 on=n2; sessions alice",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            mint 3 alice
            admit 1 s1 on=n1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3 on=n1
              s3#1 r3 after @1.0 joined @1.0
            mint 4 alice single
            admit 4 s4 on=n2
              s4#1 r4 after @1.0 joined @1.0
              ended s1 s2 s3
              -> n1 alice: end s1#1 s3#1 4409 replaced by s4
              -> n2 alice: end s2#1 4409 replaced by s4
            sessions alice
              s4 of alice at n2 Live created 0s connected 0s active 0s
        "#]],
    );
}

#[test]
fn a_parked_session_yields_without_a_word_and_stays_out() {
    check(
        "mint 1 alice single; mint 2 alice single; admit 1 s1; park s1; admit 2 s2; resume r1",
        &expect![[r#"
            mint 1 alice single
            mint 2 alice single
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1
            resume r1
              4409 replaced
        "#]],
    );
}

#[test]
fn a_refused_admission_does_not_spend_the_ticket_h16() {
    check(
        "mint 1 alice; admit 1 s1; mint 2 alice max=1 reject; admit 2 s2; again; release s1; \
         admit 2 s3; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            mint 2 alice max=1 reject
            admit 2 s2
              4423 limit-reached
            again
              4423 limit-reached
            release s1
              last
            admit 2 s3
              s3#1 r3 after @1.0 joined @1.0, first
            sessions alice
              s3 of alice at n1 Live created 0s connected 0s active 0s
        "#]],
    );
    check(
        "mint 1 alice; admit 1 s1; mint 2 alice max=1 reject; park s1; admit 2 s2",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            mint 2 alice max=1 reject
            park s1
              true
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1
        "#]],
    );
}

#[test]
fn a_policy_counts_its_own_scope() {
    check(
        "mint 1 alice device=a class=phone; mint 2 alice device=b class=phone; mint 3 alice device=c; \
         admit 1 s1; admit 2 s2; admit 3 s3; \
         mint 4 alice max=1 per=device device=a; admit 4 s4; \
         mint 5 alice max=1 per=class class=phone; admit 5 s5; \
         mint 6 alice max=1 per=class class=tv reject; admit 6 s6; sessions alice",
        &expect![[r#"
            mint 1 alice device=a class=phone
            mint 2 alice device=b class=phone
            mint 3 alice device=c
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3
              s3#1 r3 after @1.0 joined @1.0
            mint 4 alice max=1 per=device device=a
            admit 4 s4
              s4#1 r4 after @1.0 joined @1.0
              ended s1
              -> n1 alice: end s1#1 4409 replaced by s4 on a
            mint 5 alice max=1 per=class class=phone
            admit 5 s5
              s5#1 r5 after @1.0 joined @1.0
              ended s2
              -> n1 alice: end s2#1 4409 replaced by s5
            mint 6 alice max=1 per=class class=tv reject
            admit 6 s6
              s6#1 r6 after @1.0 joined @1.0
            sessions alice
              s3 of alice on c at n1 Live created 0s connected 0s active 0s
              s4 of alice on a at n1 Live created 0s connected 0s active 0s
              s5 of alice at n1 Live created 0s connected 0s active 0s
              s6 of alice at n1 Live created 0s connected 0s active 0s
        "#]],
    );
}

#[test]
fn a_session_whose_window_is_over_holds_no_place() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +120s; mint 2 alice max=1 reject; admit 2 s2; \
         count alice; sweep; count alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +120s
            mint 2 alice max=1 reject
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1 4202 cannot-resume
            count alice
              1 live, 0 parked
            sweep
            count alice
              1 live, 0 parked
        "#]],
    );
}

#[test]
fn users_do_not_count_for_each_other() {
    check(
        "mint 1 alice single; mint 2 bob single; admit 1 s1; admit 2 s2; send alice; send bob; \
         end bob one=s1",
        &expect![[r#"
            mint 1 alice single
            mint 2 bob single
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @2.0 joined @2.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            send bob
              @2.1, 1 live, 0 parked
              -> n1 bob: message @2.1 to All
            end bob one=s1
              ended
        "#]],
    );
}

#[test]
fn a_ticket_with_a_position_continues_from_there() {
    check(
        "mint 1 alice; admit 1 s1; send alice; send alice; mint 2 alice; admit 2 s2 after=1; \
         again; mint 3 alice; admit 3 s3",
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
            mint 2 alice
            admit 2 s2 after=1
              s2#1 r2 after @1.1 joined @1.1, replay
            again
              s2#1 r2 after @1.1 joined @1.1, replay
            mint 3 alice
            admit 3 s3
              s3#1 r3 after @1.2 joined @1.2
        "#]],
    );
}

#[test]
fn a_ticket_with_a_position_that_never_was_gets_all_there_is_j10() {
    check(
        "mint 1 alice; admit 1 s1; send alice; mint 2 alice; admit 2 s2 after=7; again; \
         mint 3 alice; admit 3 s3 after=9.1; send alice; read alice 7",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            send alice
              @1.1, 1 live, 0 parked
              -> n1 alice: message @1.1 to All
            mint 2 alice
            admit 2 s2 after=7
              s2#1 r2 after @1.7 joined @0.0, replay
            again
              s2#1 r2 after @1.7 joined @0.0, replay
            mint 3 alice
            admit 3 s3 after=9.1
              s3#1 r3 after @?.1 joined @0.0, replay
            send alice
              @1.2, 3 live, 0 parked
              -> n1 alice: message @1.2 to All
            read alice 7
              gap @1.7 to @1.0 Epoch
              [@1.1 @1.2] until @1.2
        "#]],
    );
}

#[test]
fn fences_and_epochs_grow_though_the_clock_goes_back() {
    check(
        "mint 1 alice; admit 1 s1; -500s; resume r1; mint 2 bob; admit 2 s2; release s2; \
         +190s; sweep; held; -190s; mint 3 bob; admit 3 s3; touch s1#1 active; sessions alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            -500s
            resume r1
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#1 4205 taken-over
            mint 2 bob
            admit 2 s2
              s2#1 r3 after @2.0 joined @2.0, first
            release s2
              last
            +190s
            sweep
            held
              Held { tickets: 1, users: 1, sessions: 1, tokens: 2, ended: 0, keys: 0, blocks: 0 }
            -190s
            mint 3 bob
            admit 3 s3
              s3#1 r4 after @3.0 joined @3.0, first
            touch s1#1 active
            sessions alice
              s1 of alice at n1 Live created 0s connected -500s active 0s
        "#]],
    );
}

#[test]
fn who_was_passed_over_as_gone_is_not_there_again_when_the_clock_is_set_back() {
    check(
        "mint 1 alice; admit 1 s1; park s1; +120s; mint 2 alice single; admit 2 s2
         -10s; resume r1 after=0; count alice",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            +120s
            mint 2 alice single
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
              ended s1 4202 cannot-resume
            -10s
            resume r1 after=0
              4202 cannot-resume
            count alice
              1 live, 0 parked
        "#]],
    );
}

#[test]
fn the_same_attempt_is_told_again_whether_its_session_was_the_first() {
    check(
        "mint 1 alice; mint 2 alice; admit 1 s1; admit 2 s2; release s1; again
         mint 3 bob; mint 4 bob; admit 3 s3; admit 4 s4; again
         mint 5 carol; admit 5 s5; again; resume r5 after=0",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2
              s2#1 r2 after @1.0 joined @1.0
            release s1
              true
            again
              s2#1 r2 after @1.0 joined @1.0
            mint 3 bob
            mint 4 bob
            admit 3 s3
              s3#1 r3 after @2.0 joined @2.0, first
            admit 4 s4
              s4#1 r4 after @2.0 joined @2.0
            again
              s4#1 r4 after @2.0 joined @2.0
            mint 5 carol
            admit 5 s5
              s5#1 r5 after @3.0 joined @3.0, first
            again
              s5#1 r5 after @3.0 joined @3.0, first
            resume r5 after=0
              s5#2 r6 after @3.0 joined @3.0, replay, resumed
              -> n1 carol: end s5#1 4205 taken-over
        "#]],
    );
}
