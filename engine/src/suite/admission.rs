//! Admission: who gets a place, who yields, and who is told.
#![expect(missing_docs, reason = "the names are sentences")]

use std::{collections::BTreeSet, time::Duration};

use kernel::{
    admission::{self, Decision, Newcomer, Place},
    message::{End, Notice},
    registry::{Grant, Proof, Touch},
};
use protocol::{
    close::CloseCode,
    frame::By,
    grant::{Policy, Scope, WhenFull},
    http::{Session, SessionState},
    id::SessionId,
    limit::SESSIONS_PER_USER_MAX,
    name::{DeviceClass, DeviceId, UserId},
    time::Timestamp,
};

use super::{
    Rig,
    dice::Dice,
    stage::{Stage, admit, class, device, ends, grant, ids, refused, single, user},
};
use crate::contract::{Departed, Departure, NotAdmitted};

/// Random cases for each seed.
const CASES: usize = 100;

pub async fn who_yields_is_what_the_kernel_decides(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for seed in Dice::seeds() {
        let mut dice = Dice::new(seed);
        for case in 0..CASES {
            let name = user(&format!("u{seed}-{case}"));
            people(&mut stage, &mut dice, &name).await;
            let newcomer = Grant {
                policy: policy(&mut dice),
                device: any_device(&mut dice),
                class: any_class(&mut dice),
                ..grant(&name)
            };
            decide_as_the_kernel(&mut stage, newcomer, &format!("seed {seed}, case {case}")).await;
        }
    }
}

pub async fn a_user_has_a_bounded_number_of_sessions_whatever_the_policy(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    for n in 0..SESSIONS_PER_USER_MAX {
        let on = Grant { device: Some(device(&format!("d{n}"))), ..grant(&alice) };
        stage.open_at(n as usize, on).await;
    }
    stage.all_mail().await;
    for when_full in [WhenFull::Replace, WhenFull::Reject] {
        let policy = Policy { max: 1, per: Scope::Device, when_full };
        let newcomer = Grant { policy, device: Some(device("another")), ..grant(&alice) };
        decide_as_the_kernel(&mut stage, newcomer, &format!("{when_full:?}")).await;
        assert_eq!(stage.sessions(&alice).await.len(), SESSIONS_PER_USER_MAX as usize);
    }
}

pub async fn a_refused_attempt_spends_nothing(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let reject = Policy { max: 1, per: Scope::User, when_full: WhenFull::Reject };
    let first = stage.open(grant(&alice)).await;
    let before = stage.sessions(&alice).await;
    let position = stage.number(&alice).await;
    stage.all_mail().await;
    let ticket = stage.mint(Grant { policy: reject, ..grant(&alice) }).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
    for _ in 0..3 {
        let answer = admit(&stage.engine(0), attempt.clone()).await;
        assert_eq!(refused(answer), CloseCode::LimitReached);
    }
    assert_eq!(stage.sessions(&alice).await, before, "nothing changed");
    assert_eq!(stage.all_mail().await, [], "nobody was told");
    assert_eq!(stage.token_refused(attempt.token).await, CloseCode::CannotResume);
    assert!(stage.number(&alice).await > position);
    stage.leave(&first).await;
    let answer = admit(&stage.engine(0), attempt).await;
    assert!(answer.is_ok(), "the ticket is good when there is a place: {answer:?}");
}

pub async fn a_replaced_session_is_told_by_whom(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open_at(0, single(&alice)).await;
    let on = Grant { device: Some(device("d2")), ..single(&alice) };
    let second = stage.open_at(1, on).await;
    let mail = stage.mail(0).await;
    let [told] = mail.as_slice() else { panic!("one envelope: {mail:?}") };
    assert_eq!(told.user, alice);
    let Notice::End { sessions, end } = &told.notice else { panic!("not an end: {told:?}") };
    assert_eq!(sessions, &[first.fenced]);
    let at = stage.sessions(&alice).await[0].created_at;
    let by = By { session: second.fenced.session, device: Some(device("d2")), at };
    assert_eq!(end, &End { code: CloseCode::Replaced, by: Some(by) });
    assert_eq!(stage.all_mail().await, [], "no other node is told");
}

pub async fn a_parked_session_yields_without_a_word(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let parked = stage.open(single(&alice)).await;
    stage.park(&parked).await;
    let policy = Policy { when_full: WhenFull::Reject, ..Policy::SINGLE };
    let second = stage.open_at(1, Grant { policy, ..grant(&alice) }).await;
    assert_eq!(stage.all_mail().await, [], "no node has its socket");
    assert_eq!(ids(&stage.sessions(&alice).await), [second.fenced.session].into());
    assert_eq!(stage.token_refused(parked.token).await, CloseCode::Replaced);
}

pub async fn a_replaced_session_stays_out(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open(single(&alice)).await;
    let second = stage.open_at(1, single(&alice)).await;
    let before = stage.sessions(&alice).await;
    let end = Departure::End(CloseCode::ProtocolError);
    assert_eq!(stage.engine(0).depart(first.fenced, Departure::Park).await, Ok(Departed::Void));
    assert_eq!(stage.engine(0).depart(first.fenced, end).await, Ok(Departed::Void));
    assert_eq!(stage.engine(0).touch(first.fenced, Touch::Active).await, Ok(()));
    for _ in 0..2 {
        assert_eq!(stage.token_refused(first.token).await, CloseCode::Replaced);
    }
    assert_eq!(stage.sessions(&alice).await, before);
    assert_eq!(ids(&before), [second.fenced.session].into());
    assert_eq!(stage.send(&alice).await.live, 1, "messages are not for it");
}

pub async fn a_session_past_its_window_holds_no_place(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let parked = stage.open(grant(&alice)).await;
    stage.park(&parked).await;
    stage.rig.pass(stage.window()).await;
    let newcomer = Grant { policy: Policy::SINGLE, ..grant(&alice) };
    let admitted = stage.open(newcomer).await;
    assert_eq!(ids(&stage.sessions(&alice).await), [admitted.fenced.session].into());
    assert_eq!(stage.token_refused(parked.token).await, CloseCode::CannotResume);
}

pub async fn messages_after_an_admission_are_for_the_new_session_too(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    for n in 0..3 {
        let admitted = stage.open_at(n, grant(&alice)).await;
        let receipt = stage.send(&alice).await;
        assert_eq!(receipt.live as usize, n + 1);
        assert!(receipt.position > Some(admitted.joined), "{receipt:?} {admitted:?}");
        assert!(receipt.position > Some(admitted.after), "{receipt:?} {admitted:?}");
    }
}

pub async fn users_do_not_count_for_each_other(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    // Enough that some share a partition, and a device that all name.
    let users: Vec<_> = (0..300).map(|n| user(&format!("{{u}}:{n}"))).collect();
    for user in &users {
        let policy = Policy { max: 1, per: Scope::Device, when_full: WhenFull::Reject };
        stage.open(Grant { policy, device: Some(device("d")), ..grant(user) }).await;
    }
    assert_eq!(stage.all_mail().await, []);
    for user in &users {
        assert_eq!(stage.sessions(user).await.len(), 1, "{user}");
    }
}

pub async fn fences_grow(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let (mut fences, mut position) = (Vec::new(), None);
    for n in 0..5 {
        let opened = stage.open_at(n, single(&alice)).await;
        position = position.max(Some(stage.number(&alice).await));
        stage.park(&opened).await;
        let after = position.unwrap_or_default();
        let resumed = stage.try_token(n, opened.token, after).await.expect("it is parked");
        assert_eq!(resumed.fenced.session, opened.fenced.session);
        fences.extend([opened.fenced.fence, resumed.fenced.fence]);
    }
    assert!(fences.is_sorted_by(|a, b| a < b), "{fences:?}");
}

/// Some sessions of a user, live and parked, at several nodes.
async fn people(stage: &mut Stage<'_>, dice: &mut Dice, user: &UserId) {
    let mut live = Vec::new();
    for _ in 0..dice.below(7) {
        let on = Grant { device: any_device(dice), class: any_class(dice), ..grant(user) };
        live.push(stage.open_at(dice.below(3), on).await);
        if dice.chance(40) {
            let parks = live.remove(dice.below(live.len()));
            stage.park(&parks).await;
        }
        if dice.chance(70) {
            stage.rig.pass(Duration::from_millis(1)).await;
        }
    }
    stage.all_mail().await;
}

fn any_device(dice: &mut Dice) -> Option<DeviceId> {
    dice.one_of(&[None, Some("d1"), Some("d2")]).map(device)
}

fn any_class(dice: &mut Dice) -> Option<DeviceClass> {
    dice.one_of(&[None, Some("phone"), Some("desktop")]).map(class)
}

fn policy(dice: &mut Dice) -> Policy {
    Policy {
        max: *dice.one_of(&[1, 1, 2, 3, 5]),
        per: *dice.one_of(&[Scope::User, Scope::Class, Scope::Device]),
        when_full: *dice.one_of(&[WhenFull::Replace, WhenFull::Reject]),
    }
}

/// Asks the engine for a place, and the kernel whose place that would be.
async fn decide_as_the_kernel(stage: &mut Stage<'_>, newcomer: Grant, case: &str) {
    let name = newcomer.user.clone();
    let before = stage.sessions(&name).await;
    let window = stage.window();
    let places: Vec<_> = before.iter().map(|session| place(session, window)).collect();
    let asks = Newcomer { device: newcomer.device.as_ref(), class: newcomer.class.as_ref() };
    let decision = admission::decide(&newcomer.policy, SESSIONS_PER_USER_MAX, asks, &places);
    let case = format!("{case}: {:?} {asks:?} among {places:#?}", newcomer.policy);
    let ticket = stage.mint(newcomer.clone()).await;
    let answer = stage.try_ticket(1, ticket).await;
    let after = stage.sessions(&name).await;
    let Decision::Admit { yielding } = decision else {
        let full = Err(NotAdmitted::Refused(CloseCode::LimitReached));
        assert_eq!(answer, full, "{case}");
        assert_eq!(after, before, "{case}");
        assert_eq!(stage.all_mail().await, [], "{case}");
        return;
    };
    let admitted = answer.unwrap_or_else(|refusal| panic!("{refusal}; {case}"));
    let mut stay = ids(&before);
    stay.retain(|session| !yielding.contains(session));
    stay.insert(admitted.fenced.session);
    assert_eq!(ids(&after), stay, "{case}");
    for n in 0..stage.nodes() {
        let told: Vec<_> = ends(&stage.mail(n).await).into_iter().map(|(f, _)| f.session).collect();
        let here = |s: &&Session| s.state == SessionState::Live && *s.node == *stage.me(n).id;
        let live: BTreeSet<SessionId> = before
            .iter()
            .filter(here)
            .map(|session| session.id)
            .filter(|id| yielding.contains(id))
            .collect();
        assert_eq!(told.len(), live.len(), "each is told once; {case}");
        assert_eq!(BTreeSet::from_iter(told), live, "{case}");
    }
}

fn place(session: &Session, window: Duration) -> Place<'_> {
    let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
    Place {
        id: session.id,
        device: session.device.as_ref(),
        class: session.device_class.as_ref(),
        created_at: session.created_at,
        parked_at: session.resumable_until.map(|until| Timestamp(until.0 - window)),
    }
}
