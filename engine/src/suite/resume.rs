//! Resume: a session comes back, with the token of its last time and once only.
#![expect(missing_docs, reason = "the names are sentences")]

use kernel::registry::{Attempt, Grant, Proof, Touch};
use protocol::{
    close::CloseCode,
    grant::Policy,
    http::{Session, SessionState},
    id::ResumeToken,
    partition::Partition,
};

use super::{
    Rig,
    stage::{Stage, admit, ends, grant, messages, origin, refused, single, user},
};
use crate::contract::{Departed, Departure, Ending};

pub async fn a_parked_session_resumes_on_any_node(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open_at(0, grant(&alice)).await;
    let before = stage.sessions(&alice).await;
    let seen = stage.number(&alice).await;
    stage.all_mail().await;
    stage.park(&opened).await;
    let parked = stage.sessions(&alice).await;
    assert_eq!(parked[0].state, SessionState::Parked);
    assert_eq!(parked[0].node, *stage.me(0).id);
    assert!(parked[0].resumable_until.is_some());
    let attempt = stage.attempt(Proof::Resume(opened.token, seen), 1);
    let resumed = admit(&stage.engine(1), attempt.clone()).await.expect("it is parked");
    assert_eq!(resumed.fenced.session, opened.fenced.session);
    assert!(resumed.fenced.fence > opened.fenced.fence);
    assert_eq!(resumed.token, attempt.token);
    assert_eq!((resumed.user, resumed.joined, resumed.after), (alice.clone(), opened.joined, seen));
    assert!(resumed.resumed && resumed.replay);
    let after = stage.sessions(&alice).await;
    let connected_at = after[0].connected_at;
    let node = stage.me(1).id.to_string();
    assert_eq!(after, [Session { node, connected_at, ..before[0].clone() }]);
    assert_eq!(stage.all_mail().await, [], "no socket was taken over");
}

pub async fn what_was_missed_can_be_read_after_a_resume(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open_at(0, grant(&alice)).await;
    let seen = stage.number(&alice).await;
    stage.park(&opened).await;
    stage.all_mail().await;
    let missed = [stage.number(&alice).await, stage.number(&alice).await];
    assert_eq!(stage.all_mail().await, []);
    let resumed = stage.try_token(1, opened.token, seen).await.expect("it is parked");
    let live = stage.number(&alice).await;
    let page = stage.read(&resumed, resumed.after).await;
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, page.more, page.until), (None, false, live));
    assert_eq!(read, [missed[0], missed[1], live]);
    let told: Vec<_> = messages(&stage.mail(1).await).iter().filter_map(|m| m.position).collect();
    assert_eq!(told, [live], "what came after the resume also comes by envelope");
}

pub async fn the_token_rotates(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut session = stage.open(grant(&alice)).await;
    let mut used = Vec::new();
    for n in 0..4 {
        stage.park(&session).await;
        used.push(session.token);
        session = stage.try_token(n, session.token, session.after).await.expect("it is parked");
        assert!(!used.contains(&session.token));
        let welcomed = stage.engine(n).touch(session.fenced, Touch::Welcomed).await;
        assert_eq!(welcomed, Ok(()));
    }
    for token in used {
        assert_eq!(stage.token_refused(token).await, CloseCode::CannotResume);
    }
    assert_eq!(stage.sessions(&alice).await[0].state, SessionState::Live);
    assert_eq!(stage.all_mail().await, []);
}

pub async fn the_old_token_is_good_until_the_new_one_has_arrived(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let lost = stage.try_token(0, opened.token, opened.after).await.expect("it is parked");
    // Its welcome got lost, with the token in it.
    stage.park(&lost).await;
    let again = stage.try_token(1, opened.token, opened.after).await.expect("the old one is good");
    assert_eq!(stage.token_refused(lost.token).await, CloseCode::CannotResume);
    // This one arrived.
    assert_eq!(stage.engine(1).touch(again.fenced, Touch::Welcomed).await, Ok(()));
    assert_eq!(stage.token_refused(opened.token).await, CloseCode::CannotResume);
    stage.park(&again).await;
    stage.try_token(2, again.token, opened.after).await.expect("the new one is good");
}

pub async fn a_stale_welcome_voids_no_token(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let lost = stage.try_token(0, opened.token, opened.after).await.expect("it stands");
    let again = stage.try_token(0, opened.token, opened.after).await.expect("it stands");
    assert_eq!(stage.engine(0).touch(lost.fenced, Touch::Welcomed).await, Ok(()));
    assert_eq!(stage.engine(0).touch(opened.fenced, Touch::Welcomed).await, Ok(()));
    let third = stage.try_token(0, opened.token, opened.after).await.expect("the old one is good");
    assert!(third.fenced.fence > again.fenced.fence);
}

pub async fn the_same_resume_tried_again_is_answered_again(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let attempt = stage.attempt(Proof::Resume(opened.token, opened.after), 0);
    let first = admit(&stage.engine(0), attempt.clone()).await.expect("it is parked");
    let second = admit(&stage.engine(0), attempt.clone()).await.expect("the answer was lost");
    assert_eq!(second.fenced.session, first.fenced.session);
    assert_eq!(second.token, attempt.token);
    assert!(second.fenced.fence >= first.fenced.fence);
    stage.park(&second).await;
    stage.try_token(1, second.token, second.after).await.expect("the token that it was given");
    assert_eq!(stage.sessions(&alice).await.len(), 1);
}

pub async fn a_resume_that_is_withdrawn_is_parked(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let lost = stage.attempt(Proof::Resume(opened.token, opened.after), 0);
    admit(&stage.engine(0), lost.clone()).await.expect("it is parked");
    assert_eq!(stage.engine(0).withdraw(&lost).await, Ok(Departed::Parked));
    assert_eq!(stage.sessions(&alice).await[0].state, SessionState::Parked);
    assert_eq!(refused(admit(&stage.engine(0), lost.clone()).await), CloseCode::CannotResume);
    // Whoever was sent away comes back with the token that it knows.
    let back = stage.try_token(1, opened.token, opened.after).await.expect("it is parked");
    assert_eq!(stage.engine(0).withdraw(&lost).await, Ok(Departed::Void), "it is another's now");
    assert_eq!(stage.sessions(&alice).await[0].state, SessionState::Live);
    let late = stage.attempt(Proof::Resume(opened.token, opened.after), 0);
    assert_eq!(stage.engine(0).withdraw(&late).await, Ok(Departed::Void));
    assert_eq!(refused(admit(&stage.engine(0), late).await), CloseCode::CannotResume);
    assert_eq!(ends(&stage.all_mail().await), [], "nobody is taken over by one that comes late");
    stage.leave(&back).await;
}

pub async fn a_socket_that_is_taken_over_is_told_at_its_node(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open_at(0, grant(&alice)).await;
    let resumed = stage.try_token(1, opened.token, opened.after).await.expect("it stands");
    assert_eq!(ends(&stage.mail(0).await), [(opened.fenced, CloseCode::TakenOver)]);
    assert_eq!(stage.all_mail().await, [], "no other node is told");
    let late = stage.engine(0).depart(opened.fenced, Departure::Park).await;
    assert_eq!(late, Ok(Departed::Void), "the session is not at that socket any more");
    let end = Departure::End(CloseCode::TakenOver);
    assert_eq!(stage.engine(0).depart(opened.fenced, end).await, Ok(Departed::Void));
    assert_eq!(stage.sessions(&alice).await[0].state, SessionState::Live);
    stage.number(&alice).await;
    assert_eq!(messages(&stage.mail(1).await).len(), 1, "messages go where it is");
    stage.leave(&resumed).await;
}

pub async fn a_resume_is_not_asked_for_the_policy(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open(single(&alice)).await;
    let second = stage.open(Grant { policy: Policy::MULTI, ..grant(&alice) }).await;
    stage.park(&first).await;
    stage.try_token(0, first.token, first.after).await.expect("it is parked");
    assert_eq!(stage.sessions(&alice).await.len(), 2);
    assert_eq!(ends(&stage.all_mail().await), []);
    stage.leave(&second).await;
}

pub async fn a_resume_needs_the_origin_again(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let (ours, other) = (Some(origin("https://a.example")), Some(origin("https://b.example")));
    for (bound, wrong) in [(&ours, &other), (&ours, &None), (&None, &other)] {
        let ticket = stage.mint(Grant { origin: bound.clone(), ..grant(&alice) }).await;
        let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
        let attempt = Attempt { origin: bound.clone(), ..attempt };
        let opened = admit(&stage.engine(0), attempt).await.expect("a good ticket");
        stage.park(&opened).await;
        let before = stage.sessions(&alice).await;
        let attempt = stage.attempt(Proof::Resume(opened.token, opened.after), 0);
        let elsewhere = Attempt { origin: wrong.clone(), ..attempt.clone() };
        let answer = admit(&stage.engine(0), elsewhere).await;
        assert_eq!(refused(answer), CloseCode::Forbidden, "{bound:?} {wrong:?}");
        assert_eq!(stage.sessions(&alice).await, before, "a refusal changes nothing");
        let here = Attempt { origin: bound.clone(), ..attempt };
        admit(&stage.engine(0), here).await.expect("the token is not spent");
    }
}

pub async fn a_resume_after_the_window_is_refused(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    stage.rig.pass(stage.window() / 2).await;
    let resumed = stage.try_token(0, opened.token, opened.after).await.expect("it is in time");
    stage.park(&resumed).await;
    stage.rig.pass(stage.window()).await;
    // Whether or not a sweep came past.
    assert_eq!(stage.token_refused(resumed.token).await, CloseCode::CannotResume);
    stage.sweep().await;
    assert_eq!(stage.token_refused(resumed.token).await, CloseCode::CannotResume);
    assert_eq!(stage.sessions(&alice).await, []);
}

pub async fn a_session_that_is_too_old_is_not_resumed(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let age = stage.window() * 2;
    let mut session = stage.open(Grant { max_age: Some(age), ..grant(&alice) }).await;
    for _ in 0..4 {
        stage.rig.pass(stage.window() / 4).await;
        stage.park(&session).await;
        session = stage.try_token(0, session.token, session.after).await.expect("it is young");
    }
    stage.rig.pass(stage.window()).await;
    assert_eq!(stage.token_refused(session.token).await, CloseCode::TooOld);
    stage.sweep().await;
    assert_eq!(stage.token_refused(session.token).await, CloseCode::TooOld);
}

pub async fn an_end_code_is_kept_one_window_and_then_forgotten(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let mut ended: Vec<(ResumeToken, CloseCode)> = Vec::new();
    let names = [user("kicked"), user("replaced"), user("left"), user("faulty")];
    let [kicked, replaced, left, faulty] = &names;
    for (name, code) in names.iter().zip([
        CloseCode::ClosedByBackend,
        CloseCode::Replaced,
        CloseCode::CannotResume,
        CloseCode::ProtocolError,
    ]) {
        let first = stage.open(single(name)).await;
        // Ends are told to both tokens that were good.
        let second = stage.try_token(0, first.token, first.after).await.expect("it stands");
        ended.extend([(first.token, code), (second.token, code)]);
        if name == left || name == faulty {
            let departed = stage.engine(0).depart(second.fenced, Departure::End(code)).await;
            assert_eq!(departed, Ok(Departed::Ended { last: true }));
        }
    }
    let ending = Ending::User { user: kicked.clone(), except: None };
    let sessions = stage.end(0, &ending, CloseCode::ClosedByBackend).await;
    assert_eq!(sessions.map(|ended| ended.len()), Ok(1));
    stage.open(single(replaced)).await;
    stage.rig.pass(stage.moment()).await;
    stage.sweep().await;
    for (token, code) in &ended {
        assert_eq!(stage.token_refused(*token).await, *code, "and not only once");
        assert_eq!(stage.token_refused(*token).await, *code);
    }
    stage.rig.pass(stage.window()).await;
    stage.sweep().await;
    for (token, _) in ended {
        assert_eq!(stage.token_refused(token).await, CloseCode::CannotResume);
    }
}

pub async fn a_token_that_never_was_is_refused(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let token = ResumeToken::new(Partition::of(&alice), stage.bits());
    assert_eq!(stage.token_refused(token).await, CloseCode::CannotResume);
    stage.open(grant(&alice)).await;
    assert_eq!(stage.token_refused(token).await, CloseCode::CannotResume);
}
