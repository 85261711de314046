//! Room: what an engine does when a mailbox is full. For engines that ask for room at all.
#![expect(missing_docs, reason = "the names are sentences")]

use kernel::registry::{Draft, Grant};
use protocol::{close::CloseCode, name::UserId, position::Position};

use super::{
    Rig,
    stage::{Stage, ends, grant, ids, messages, single, user},
};
use crate::contract::{Ending, Failed, NotAdmitted};

pub async fn a_message_without_room_is_not_numbered(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let Some(last) = fill(&mut stage, &alice).await else { return };
    for volatile in [false, true] {
        let draft = Draft { volatile, ..stage.draft() };
        for _ in 0..3 {
            let answer = stage.engine(0).append(&alice, draft.clone()).await;
            assert_eq!(answer, Err(Failed::NotDone.into()));
        }
    }
    let page = stage.read(&opened, last).await;
    assert_eq!((page.gap, page.messages, page.until), (None, vec![], last), "nothing is kept");
    let told = messages(&stage.mail(0).await);
    assert_eq!(told.last().and_then(|message| message.position), Some(last));
    let next = stage.number(&alice).await;
    let page = stage.read(&opened, last).await;
    let kept: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, kept), (None, vec![next]), "when there is room it goes on from there");
}

pub async fn an_admission_that_cannot_tell_is_not_done(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open(grant(&alice)).await;
    let ticket = stage.mint(single(&alice)).await;
    if fill(&mut stage, &alice).await.is_none() {
        return;
    }
    let before = stage.sessions(&alice).await;
    let answer = stage.try_ticket(0, ticket).await;
    assert_eq!(answer, Err(NotAdmitted::Failed(Failed::NotDone)), "the first must be told");
    let answer = stage.try_token(0, first.token, first.after).await;
    assert_eq!(answer, Err(NotAdmitted::Failed(Failed::NotDone)), "its socket must be told");
    assert_eq!(stage.sessions(&alice).await, before);
    assert_eq!(ends(&stage.all_mail().await), []);
    let back = stage.try_token(0, first.token, first.after).await.expect("the token is not spent");
    let second = stage.try_ticket(0, ticket).await.expect("the ticket is not spent");
    assert_eq!(ids(&stage.sessions(&alice).await), [second.fenced.session].into());
    let told = [(first.fenced, CloseCode::TakenOver), (back.fenced, CloseCode::Replaced)];
    assert_eq!(ends(&stage.mail(0).await), told);
}

pub async fn an_end_that_cannot_be_told_is_not_done(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    if fill(&mut stage, &alice).await.is_none() {
        return;
    }
    let before = stage.sessions(&alice).await;
    let session = opened.fenced.session;
    let endings = [Ending::Session(session), Ending::User { user: alice.clone(), except: None }];
    for ending in &endings {
        let ended = stage.end(0, ending, CloseCode::ClosedByBackend).await;
        assert_eq!(ended, Err(Failed::NotDone));
    }
    assert_eq!(stage.sessions(&alice).await, before);
    assert_eq!(ends(&stage.all_mail().await), []);
    let ended = stage.end(0, &endings[0], CloseCode::ClosedByBackend).await;
    assert_eq!(ended, Ok(vec![session]));
    assert_eq!(ends(&stage.mail(0).await), [(opened.fenced, CloseCode::ClosedByBackend)]);
}

pub async fn a_sweep_waits_for_room(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let age = Some(stage.window() * 2);
    let old = stage.open(Grant { max_age: age, ..grant(&alice) }).await;
    if fill(&mut stage, &alice).await.is_none() {
        return;
    }
    stage.rig.pass(stage.window() * 2).await;
    assert_eq!(stage.sweep().await, [], "its node could not be told");
    assert_eq!(ends(&stage.mail(0).await), []);
    let ended: Vec<_> = stage.sweep().await.into_iter().map(|one| one.session).collect();
    assert_eq!(ended, [old.fenced.session]);
    assert_eq!(ends(&stage.mail(0).await), [(old.fenced, CloseCode::TooOld)]);
}

/// Sends messages that nobody takes out of the mailbox until they are refused; the position of the
/// last that was not. `None` for an engine that does not ask for room.
async fn fill(stage: &mut Stage<'_>, user: &UserId) -> Option<Position> {
    let room = stage.rig.mailbox()?;
    let mut last = None;
    for _ in 0..=room {
        let draft = stage.draft();
        match stage.engine(0).append(user, draft).await {
            Ok(receipt) => last = receipt.position,
            Err(failed) => {
                assert_eq!(failed, Failed::NotDone.into());
                return Some(last.expect("there was room at first"));
            }
        }
    }
    panic!("more than {room} envelopes were taken");
}
