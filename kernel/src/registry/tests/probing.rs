//! A newcomer that would be refused waits until it is known who is there.

use expect_test::{Expect, expect};

use super::check;

#[test]
fn a_session_that_answers_keeps_its_place() {
    check(
        "mint 1 alice; mint 2 alice single reject; admit 1 s1; +10s
         admit 2 s2 on=n2
         touch s1 alive
         again; count alice; +5s; again",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            admit 2 s2 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            touch s1 alive
              -> n2 alice: probed s1#1
            again
              4423 limit-reached
            count alice
              1 live, 0 parked
            +5s
            again
              asked s1#1
              -> n1 alice: probe s1#1
        "#]],
    );
}

#[test]
fn a_session_that_says_nothing_is_parked_and_yields() {
    check(
        "mint 1 alice; mint 2 alice single reject; admit 1 s1; +10s
         admit 2 s2 on=n2
         park s1
         again; resume r1 after=0",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            admit 2 s2 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            park s1
              true
              -> n2 alice: probed s1#1
            again
              s2#1 r2 after @1.0 joined @1.0
              ended s1
            resume r1 after=0
              4409 replaced
        "#]],
    );
}

#[test]
fn a_session_that_came_a_moment_ago_is_not_asked() {
    check(
        "mint 1 alice; mint 2 alice single reject ttl=60; admit 1 s1; +4s
         admit 2 s2
         +1s; again; park s1; resume r1 after=0; +4s; again",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject ttl=60
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +4s
            admit 2 s2
              4423 limit-reached
            +1s
            again
              asked s1#1
              -> n1 alice: probe s1#1
            park s1
              true
              -> n1 alice: probed s1#1
            resume r1 after=0
              s1#2 r3 after @1.0 joined @1.0, replay, resumed
            +4s
            again
              s1#3 r3 after @1.0 joined @1.0, replay, resumed
              -> n1 alice: end s1#2 4205 taken-over
        "#]],
    );
}

#[test]
fn only_so_many_must_answer_as_there_are_places() {
    check(
        "mint 1 alice; mint 2 alice; mint 3 alice; mint 4 alice max=2 reject
         admit 1 s1; admit 2 s2 on=n2; admit 3 s3 on=n2; +10s
         admit 4 s4
         touch s1 alive; touch s3 alive
         again",
        &expect![[r#"
            mint 1 alice
            mint 2 alice
            mint 3 alice
            mint 4 alice max=2 reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            admit 2 s2 on=n2
              s2#1 r2 after @1.0 joined @1.0
            admit 3 s3 on=n2
              s3#1 r3 after @1.0 joined @1.0
            +10s
            admit 4 s4
              asked s1#1 s2#1 s3#1
              -> n1 alice: probe s1#1
              -> n2 alice: probe s2#1 s3#1
            touch s1 alive
              -> n1 alice: probed s1#1
            touch s3 alive
              -> n1 alice: probed s3#1
            again
              4423 limit-reached
        "#]],
    );
}

#[test]
fn a_session_is_asked_once_at_a_time_and_all_who_wait_are_told() {
    check(
        "mint 1 alice; mint 2 alice single reject; mint 3 alice single reject; admit 1 s1; +10s
         admit 2 s2 on=n2; +2s; admit 3 s3 on=n3; admit 3 s4 on=n3
         touch s1 alive
         touch s1 alive",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject
            mint 3 alice single reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            admit 2 s2 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            +2s
            admit 3 s3 on=n3
              asked s1#1
            admit 3 s4 on=n3
              asked s1#1
            touch s1 alive
              -> n2 alice: probed s1#1
              -> n3 alice: probed s1#1
            touch s1 alive
        "#]],
    );
}

#[test]
fn a_question_that_was_not_answered_is_asked_again() {
    check(
        "mint 1 alice; mint 2 alice single reject; admit 1 s1; +10s
         admit 2 s2; +4s; again; +1s; again",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            admit 2 s2
              asked s1#1
              -> n1 alice: probe s1#1
            +4s
            again
              asked s1#1
            +1s
            again
              asked s1#1
              -> n1 alice: probe s1#1
        "#]],
    );
}

/// What is told when an asked session parts like this.
fn check_parting(part: &str, expect: &Expect) {
    let before = "mint 1 alice; mint 2 alice single reject; admit 1 s1; +10s; admit 2 s2 on=n2";
    check(&format!("{before}; {part}"), expect);
}

#[test]
fn whoever_asks_is_told_of_a_session_that_leaves_or_is_ended() {
    check_parting(
        "release s1",
        &expect![[r#"
        mint 1 alice
        mint 2 alice single reject
        admit 1 s1
          s1#1 r1 after @1.0 joined @1.0, first
        +10s
        admit 2 s2 on=n2
          asked s1#1
          -> n1 alice: probe s1#1
        release s1
          last
          -> n2 alice: probed s1#1
    "#]],
    );
    check_parting(
        "end alice",
        &expect![[r#"
        mint 1 alice
        mint 2 alice single reject
        admit 1 s1
          s1#1 r1 after @1.0 joined @1.0, first
        +10s
        admit 2 s2 on=n2
          asked s1#1
          -> n1 alice: probe s1#1
        end alice
          ended s1, the last
          -> n1 alice: end s1#1 4410 closed-by-backend
          -> n2 alice: probed s1#1
    "#]],
    );
}

#[test]
fn whoever_asks_is_told_of_a_session_that_moves_or_is_replaced() {
    check_parting(
        "resume r1 after=0 on=n3",
        &expect![[r#"
        mint 1 alice
        mint 2 alice single reject
        admit 1 s1
          s1#1 r1 after @1.0 joined @1.0, first
        +10s
        admit 2 s2 on=n2
          asked s1#1
          -> n1 alice: probe s1#1
        resume r1 after=0 on=n3
          s1#2 r3 after @1.0 joined @1.0, replay, resumed
          -> n2 alice: probed s1#1
          -> n1 alice: end s1#1 4205 taken-over
    "#]],
    );
    check_parting(
        "mint 3 alice single; admit 3 s3 on=n3",
        &expect![[r#"
        mint 1 alice
        mint 2 alice single reject
        admit 1 s1
          s1#1 r1 after @1.0 joined @1.0, first
        +10s
        admit 2 s2 on=n2
          asked s1#1
          -> n1 alice: probe s1#1
        mint 3 alice single
        admit 3 s3 on=n3
          s3#1 r3 after @1.0 joined @1.0
          ended s1
          -> n1 alice: end s1#1 4409 replaced by s3
          -> n2 alice: probed s1#1
    "#]],
    );
}

#[test]
fn a_question_spends_nothing_and_an_answer_of_an_earlier_admission_is_none() {
    check(
        "mint 1 alice; mint 2 alice single reject; admit 1 s1; park s1; resume r1 after=0; +10s
         admit 2 s2
         touch s1#1 alive
         touch s1#2 alive",
        &expect![[r#"
            mint 1 alice
            mint 2 alice single reject
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            park s1
              true
            resume r1 after=0
              s1#2 r2 after @1.0 joined @1.0, replay, resumed
            +10s
            admit 2 s2
              asked s1#2
              -> n1 alice: probe s1#2
            touch s1#1 alive
            touch s1#2 alive
              -> n1 alice: probed s1#2
        "#]],
    );
}

#[test]
fn whoever_waits_is_told_though_the_clock_was_set_back() {
    check(
        "mint 1 alice; admit 1 s1; +10s; mint 2 alice single reject ttl=60
         admit 2 s2 on=n2; -3s; admit 2 s3 on=n3; touch s1 alive",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            mint 2 alice single reject ttl=60
            admit 2 s2 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            -3s
            admit 2 s3 on=n3
              asked s1#1
              -> n1 alice: probe s1#1
            touch s1 alive
              -> n2 alice: probed s1#1
              -> n3 alice: probed s1#1
        "#]],
    );
}

#[test]
fn whoever_came_late_to_a_question_is_told_though_it_was_asked_anew_since() {
    check(
        "mint 1 alice; admit 1 s1; +10s; mint 2 alice single reject ttl=60
         admit 2 s2 on=n2; +4s; admit 2 s3 on=n3; +1s; admit 2 s4 on=n2; park s1",
        &expect![[r#"
            mint 1 alice
            admit 1 s1
              s1#1 r1 after @1.0 joined @1.0, first
            +10s
            mint 2 alice single reject ttl=60
            admit 2 s2 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            +4s
            admit 2 s3 on=n3
              asked s1#1
            +1s
            admit 2 s4 on=n2
              asked s1#1
              -> n1 alice: probe s1#1
            park s1
              true
              -> n3 alice: probed s1#1
              -> n2 alice: probed s1#1
        "#]],
    );
}
