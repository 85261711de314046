//! Blocks: users who are kept out, and sessions that are kept for those told to come later.
#![expect(missing_docs, reason = "the names are sentences")]

use kernel::registry::{Blocked, Blocking, Presence, Touch};
use protocol::{close::CloseCode, name::UserId};

use super::{
    Rig,
    stage::{Stage, ends, grant, refused, user},
};
use crate::contract::NotMinted;

pub async fn a_blocked_user_is_ended_and_kept_out(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let live = stage.open_at(0, grant(&alice)).await;
    let parked = stage.open_at(1, grant(&alice)).await;
    stage.park(&parked).await;
    let ticket = stage.mint(grant(&alice)).await;
    let ended = stage.engine(2).block(&alice, Blocking::Set(None)).await.expect("there is room");
    let mut sessions: Vec<_> = ended.iter().map(|one| (one.session, one.code)).collect();
    sessions.sort_unstable();
    let mut expected = [live.fenced, parked.fenced].map(|f| (f.session, CloseCode::Forbidden));
    expected.sort_unstable();
    assert_eq!(sessions, expected);
    assert_eq!(ended.iter().filter(|one| one.last).count(), 1, "one of them was the last");
    assert_eq!(ends(&stage.all_mail().await), [(live.fenced, CloseCode::Forbidden)]);
    for token in [live.token, parked.token] {
        assert_eq!(stage.token_refused(token).await, CloseCode::Forbidden);
    }
    assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::Forbidden);
    let other = stage.ticket(&alice);
    let minted = stage.engine(1).mint(other, grant(&alice), stage.window()).await;
    assert_eq!(minted, Err(NotMinted::Blocked));
    let again = stage.engine(0).block(&alice, Blocking::Set(None)).await;
    assert_eq!(again, Ok(vec![]), "nobody is there any more");
    stage.engine(0).block(&alice, Blocking::Lift).await.expect("it is lifted");
    stage.try_ticket(0, ticket).await.expect("the ticket was not spent");
}

pub async fn a_block_ends_when_it_was_said_to(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let time = stage.window();
    stage.engine(0).block(&alice, Blocking::Set(Some(time))).await.expect("there is room");
    let blocked = |presence: Vec<Presence>| presence[0].blocked;
    let presence = stage.engine(0).presence(std::slice::from_ref(&alice)).await;
    assert_eq!(presence.map(blocked), Ok(true));
    stage.rig.pass(time).await;
    let presence = stage.engine(0).presence(std::slice::from_ref(&alice)).await;
    assert_eq!(presence.map(blocked), Ok(false));
    assert_eq!(stage.engine(0).blocks(None, 10).await, Ok(vec![]));
    stage.open(grant(&alice)).await;
    stage.sweep().await;
}

pub async fn blocks_are_listed_each_once(rig: &dyn Rig) {
    let stage = Stage::of(rig).await;
    let mut users: Vec<UserId> = (0..40).map(|n| user(&format!("u{n}"))).collect();
    for user in &users {
        stage.engine(0).block(user, Blocking::Set(None)).await.expect("there is room");
    }
    let (mut listed, mut after): (Vec<Blocked>, Option<UserId>) = (Vec::new(), None);
    loop {
        let page = stage.engine(1).blocks(after.clone(), 7).await.expect("lists can be read");
        let Some(last) = page.last() else { break };
        after = Some(last.user.clone());
        listed.extend(page);
        assert!(listed.len() <= users.len(), "{listed:?}");
    }
    let mut listed: Vec<_> = listed.into_iter().map(|blocked| blocked.user).collect();
    listed.sort_unstable();
    users.sort_unstable();
    assert_eq!(listed, users);
}

pub async fn who_is_there_is_counted(rig: &dyn Rig) {
    let (mut stage, alice, bob) = (Stage::of(rig).await, user("alice"), user("bob"));
    stage.open_at(0, grant(&alice)).await;
    stage.open_at(1, grant(&alice)).await;
    let parked = stage.open_at(2, grant(&alice)).await;
    stage.park(&parked).await;
    stage.open(grant(&bob)).await;
    stage.engine(0).block(&user("carol"), Blocking::Set(None)).await.expect("there is room");
    let users = [user("carol"), alice.clone(), user("nobody"), alice, bob];
    let presence = stage.engine(0).presence(&users).await.expect("lists can be read");
    let counted = presence.iter().map(|one| (one.live, one.parked, one.blocked));
    let alice = (2, 1, false);
    let expected = [(0, 0, true), alice, (0, 0, false), alice, (1, 0, false)];
    assert_eq!(Vec::from_iter(counted), expected);
    let census = stage.engine(0).census().await.expect("it is counted");
    assert_eq!((census.users, census.live, census.parked), (2, 3, 1));
}

pub async fn a_parked_session_is_kept_for_those_who_are_told_to_come_later(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let held = stage.open(grant(&alice)).await;
    let other = stage.open(grant(&alice)).await;
    stage.park(&held).await;
    stage.park(&other).await;
    stage.rig.pass(stage.window() / 2).await;
    stage.engine(1).hold(held.token, stage.window() * 2).await.expect("it is noted");
    stage.rig.pass(stage.window() / 4 * 3).await;
    stage.sweep().await;
    assert_eq!(stage.token_refused(other.token).await, CloseCode::CannotResume);
    let back = stage.try_token(0, held.token, held.after).await.expect("it was kept");
    stage.engine(0).touch(back.fenced, Touch::Welcomed).await.expect("it is noted");
}
