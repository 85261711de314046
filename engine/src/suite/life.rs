//! Life: what happens to a session by its node's word, by the backend's, and by time.
#![expect(missing_docs, reason = "the names are sentences")]

use std::{collections::BTreeSet, time::Duration};

use kernel::{
    message::{Fence, Fenced},
    registry::{Ended, Grant, Touch},
};
use protocol::{
    close::CloseCode, http::SessionState, id::SessionId, name::UserId, partition::Partition,
    position::Position,
};

use super::{
    Rig,
    stage::{Stage, ends, grant, ids, user},
};
use crate::contract::{Departed, Departure, Ending};

const KICK: CloseCode = CloseCode::ClosedByBackend;

pub async fn a_session_departs_once(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let until = stage.sessions(&alice).await[0].resumable_until;
    stage.rig.pass(stage.moment()).await;
    let again = stage.engine(0).depart(opened.fenced, Departure::Park).await;
    assert_eq!(again, Ok(Departed::Void), "it is parked");
    let shown = stage.sessions(&alice).await;
    assert_eq!(shown[0].resumable_until, until, "a repeated word does not lengthen the window");
    stage.leave(&opened).await;
    for departure in [Departure::Park, Departure::End(KICK)] {
        let again = stage.engine(0).depart(opened.fenced, departure).await;
        assert_eq!(again, Ok(Departed::Void), "{departure:?}");
    }
    assert_eq!(stage.token_refused(opened.token).await, CloseCode::CannotResume, "the first code");
    let never = SessionId::new(Partition::of(&alice), stage.bits());
    let never = Fenced { session: never, fence: Fence(0) };
    assert_eq!(stage.engine(0).depart(never, Departure::Park).await, Ok(Departed::Void));
    assert_eq!(stage.all_mail().await, [], "its node knows");
}

pub async fn what_a_stale_admission_says_does_nothing(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let stale = stage.open(grant(&alice)).await;
    let last = stage.number(&alice).await;
    let now = stage.try_token(1, stale.token, last).await.expect("it stands");
    stage.all_mail().await;
    for again in [false, true] {
        let before = stage.sessions(&alice).await;
        stage.rig.pass(Duration::from_millis(2)).await;
        for departure in [Departure::Park, Departure::End(KICK)] {
            let departed = stage.engine(0).depart(stale.fenced, departure).await;
            assert_eq!(departed, Ok(Departed::Void), "{departure:?}");
        }
        for touch in [Touch::Active, Touch::Acked(last), Touch::Welcomed] {
            assert_eq!(stage.engine(0).touch(stale.fenced, touch).await, Ok(()));
        }
        assert_eq!(stage.sessions(&alice).await, before);
        if !again {
            stage.park(&now).await;
        }
    }
    assert_eq!(stage.all_mail().await, []);
    stage.try_token(0, stale.token, last).await.expect("no token was voided");
}

pub async fn the_backend_ends_one_session(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let kicked = stage.open_at(0, grant(&alice)).await;
    let stays = stage.open_at(1, grant(&alice)).await;
    let parked = stage.open_at(2, grant(&alice)).await;
    stage.park(&parked).await;
    let ending = Ending::Session(kicked.fenced.session);
    let ended = stage.end(2, &ending, KICK).await;
    assert_eq!(ended, Ok(vec![kicked.fenced.session]));
    assert_eq!(ends(&stage.mail(0).await), [(kicked.fenced, KICK)], "its node is told");
    let ended = stage.end(2, &Ending::Session(parked.fenced.session), KICK).await;
    assert_eq!(ended, Ok(vec![parked.fenced.session]));
    assert_eq!(stage.all_mail().await, [], "no node has a parked one");
    assert_eq!(ids(&stage.sessions(&alice).await), [stays.fenced.session].into());
    for gone in [kicked, parked] {
        assert_eq!(stage.token_refused(gone.token).await, KICK);
        assert_eq!(stage.engine(0).depart(gone.fenced, Departure::Park).await, Ok(Departed::Void));
    }
}

pub async fn the_backend_ends_a_users_sessions_but_one(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut opened = Vec::new();
    for n in 0..6 {
        opened.push(stage.open_at(n, grant(&alice)).await);
    }
    stage.park(&opened[0]).await;
    let other = stage.open(grant(&user("bob"))).await;
    let (stays, gone) = (opened[3].fenced.session, |n: usize| opened[n].fenced.session);
    let but_one = Ending::User { user: alice.clone(), except: Some(stays) };
    let ended = stage.end(0, &but_one, KICK).await.expect("there is room");
    let expected: BTreeSet<_> = [0, 1, 2, 4, 5].map(gone).into();
    assert_eq!((ended.len(), BTreeSet::from_iter(ended)), (5, expected));
    let told: BTreeSet<_> =
        ends(&stage.all_mail().await).into_iter().map(|(fenced, _)| fenced.session).collect();
    assert_eq!(told, [1, 2, 4, 5].map(gone).into());
    assert_eq!(ids(&stage.sessions(&alice).await), [stays].into());
    let all = Ending::User { user: alice.clone(), except: Some(other.fenced.session) };
    assert_eq!(stage.end(0, &all, KICK).await, Ok(vec![stays]));
    assert_eq!(stage.sessions(&alice).await, []);
    assert_eq!(stage.sessions(&user("bob")).await.len(), 1);
}

pub async fn nobody_is_ended_twice(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let all = Ending::User { user: alice.clone(), except: None };
    assert_eq!(stage.end(0, &all, KICK).await, Ok(vec![]), "an unknown user");
    let opened = stage.open(grant(&alice)).await;
    let late = stage.open(grant(&alice)).await;
    stage.park(&late).await;
    stage.rig.pass(stage.window()).await;
    let one = Ending::Session(late.fenced.session);
    let ended = stage.engine(0).end(&one, KICK).await.map(|ended| ended[0].code);
    assert_eq!(ended, Ok(CloseCode::CannotResume), "its window is over");
    assert_eq!(stage.token_refused(late.token).await, CloseCode::CannotResume);
    let ended = stage.end(0, &all, CloseCode::Forbidden).await;
    assert_eq!(ended, Ok(vec![opened.fenced.session]));
    for ending in [&all, &Ending::Session(opened.fenced.session)] {
        assert_eq!(stage.end(0, ending, KICK).await, Ok(vec![]));
    }
    assert_eq!(stage.token_refused(opened.token).await, CloseCode::Forbidden, "the first code");
}

pub async fn a_touch_shows(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let (first, second) = (stage.number(&alice).await, stage.number(&alice).await);
    let before = stage.sessions(&alice).await;
    assert_eq!((before[0].active_at, before[0].acked), (before[0].created_at, None));
    stage.rig.pass(stage.moment()).await;
    assert_eq!(stage.engine(0).touch(opened.fenced, Touch::Active).await, Ok(()));
    assert!(stage.sessions(&alice).await[0].active_at > before[0].active_at);
    let acks = [(first, first), (second, second), (first, second), (Position::default(), second)];
    for (acked, shown) in acks {
        assert_eq!(stage.engine(0).touch(opened.fenced, Touch::Acked(acked)).await, Ok(()));
        assert_eq!(stage.sessions(&alice).await[0].acked, Some(shown), "it only grows");
    }
}

pub async fn a_sweep_leaves_what_stands(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let live = stage.open(grant(&alice)).await;
    let parked = stage.open(grant(&alice)).await;
    stage.rig.pass(stage.window()).await;
    stage.park(&parked).await;
    let ticket = stage.mint_for(grant(&alice), stage.window() * 8).await;
    stage.rig.pass(stage.moment()).await;
    let before = stage.sessions(&alice).await;
    assert_eq!(stage.sweep().await, []);
    assert_eq!(stage.sessions(&alice).await, before);
    assert_eq!(stage.all_mail().await, []);
    stage.try_ticket(0, ticket).await.expect("the ticket stands");
    stage.try_token(0, parked.token, parked.after).await.expect("the session stands");
    stage.leave(&live).await;
}

pub async fn a_sweep_ends_parked_sessions_after_their_window(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let (mut expected, mut tokens) = (Vec::new(), Vec::new());
    for n in 0..300 {
        let name = user(&format!("u{n}"));
        let opened = stage.open_at(n, grant(&name)).await;
        if n % 3 != 0 {
            stage.park(&opened).await;
            tokens.push(opened.token);
            let (session, code) = (opened.fenced.session, CloseCode::CannotResume);
            expected.push(Ended { session, user: name, code, last: true });
        }
    }
    stage.rig.pass(stage.window()).await;
    let mut ended = stage.sweep().await;
    ended.sort_by_key(|one| one.session);
    expected.sort_by_key(|one| one.session);
    assert_eq!(ended, expected, "each once");
    assert_eq!(stage.sweep().await, [], "and only once");
    assert_eq!(stage.all_mail().await, [], "no node has them");
    for token in tokens {
        assert_eq!(stage.token_refused(token).await, CloseCode::CannotResume);
    }
}

pub async fn a_sweep_ends_what_is_too_old_and_tells_its_node(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let age = stage.window() * 2;
    let old = stage.open_at(0, Grant { max_age: Some(age), ..grant(&alice) }).await;
    let young = stage.open_at(1, grant(&alice)).await;
    stage.rig.pass(stage.moment()).await;
    assert_eq!(stage.sweep().await, []);
    stage.rig.pass(age).await;
    let (session, code) = (old.fenced.session, CloseCode::TooOld);
    let ended = Ended { session, user: alice.clone(), code, last: false };
    assert_eq!(stage.sweep().await, [ended]);
    assert_eq!(ends(&stage.mail(0).await), [(old.fenced, code)]);
    assert_eq!(stage.all_mail().await, []);
    assert_eq!(stage.sweep().await, []);
    assert_eq!(ids(&stage.sessions(&alice).await), [young.fenced.session].into());
    assert_eq!(stage.engine(0).depart(old.fenced, Departure::Park).await, Ok(Departed::Void));
}

pub async fn the_last_session_that_a_sweep_ends_is_told_as_such(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let (gone, stays) = (user("gone"), user("stays"));
    for n in 0..3 {
        for name in [&gone, &stays] {
            let opened = stage.open_at(n, grant(name)).await;
            stage.park(&opened).await;
        }
    }
    stage.open(grant(&stays)).await;
    stage.rig.pass(stage.window()).await;
    let ended = stage.sweep().await;
    let last = |name: &UserId| -> Vec<bool> {
        ended.iter().filter(|one| one.user == *name).map(|one| one.last).collect()
    };
    assert_eq!(last(&gone), [false, false, true]);
    assert_eq!(last(&stays), [false, false, false]);
    assert_eq!(stage.sessions(&stays).await[0].state, SessionState::Live);
}
