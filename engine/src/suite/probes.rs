//! Probes: whether anybody is at the sessions for which a newcomer would be refused.
#![expect(missing_docs, reason = "the names are sentences")]

use kernel::{
    message::{Envelope, Fenced, Notice},
    registry::{Grant, Proof, Touch},
};
use protocol::{
    close::CloseCode,
    grant::{Policy, Scope, WhenFull},
    limit::PROBE_SHARED,
    name::UserId,
};

use super::{
    Rig,
    stage::{Stage, admit, grant, refused, user},
};
use crate::contract::{Departed, Departure, NotAdmitted};

/// Leave to be `user`, if nobody else is.
fn shy(user: &UserId) -> Grant {
    let policy = Policy { max: 1, per: Scope::User, when_full: WhenFull::Reject };
    Grant { policy, ..grant(user) }
}

fn probes(mail: &[Envelope]) -> Vec<Fenced> {
    let probes = |envelope: &Envelope| match &envelope.notice {
        Notice::Probe(sessions) => sessions.clone(),
        Notice::Message(_) | Notice::Behind(_) | Notice::End { .. } | Notice::Probed(_) => {
            Vec::new()
        }
    };
    mail.iter().flat_map(probes).collect()
}

fn answers(mail: &[Envelope]) -> Vec<Fenced> {
    let answers = |envelope: &Envelope| match &envelope.notice {
        Notice::Probed(fenced) => Some(*fenced),
        Notice::Message(_) | Notice::Behind(_) | Notice::End { .. } | Notice::Probe(_) => None,
    };
    mail.iter().filter_map(answers).collect()
}

pub async fn a_session_that_answers_keeps_its_place(rig: &dyn Rig) {
    if rig.patience() < PROBE_SHARED {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open_at(0, grant(&alice)).await;
    stage.rig.pass(PROBE_SHARED).await;
    let ticket = stage.mint(shy(&alice)).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 1);
    let answer = admit(&stage.engine(1), attempt.clone()).await;
    assert_eq!(answer, Err(NotAdmitted::Asked(vec![first.fenced])));
    assert_eq!(probes(&stage.mail(0).await), [first.fenced], "its node is asked");
    stage.engine(0).touch(first.fenced, Touch::Alive).await.expect("it is noted");
    assert_eq!(answers(&stage.mail(1).await), [first.fenced], "and who asked is told");
    let answer = admit(&stage.engine(1), attempt).await;
    assert_eq!(refused(answer), CloseCode::LimitReached);
    let next = stage.mint(shy(&alice)).await;
    let answer = stage.try_ticket(2, next).await;
    assert_eq!(refused(answer), CloseCode::LimitReached, "the answer holds for others too");
    assert_eq!(stage.all_mail().await, []);
}

pub async fn a_session_that_does_not_answer_yields(rig: &dyn Rig) {
    if rig.patience() < PROBE_SHARED {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let silent = stage.open_at(0, grant(&alice)).await;
    stage.rig.pass(PROBE_SHARED).await;
    let ticket = stage.mint(shy(&alice)).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 1);
    let answer = admit(&stage.engine(1), attempt.clone()).await;
    assert_eq!(answer, Err(NotAdmitted::Asked(vec![silent.fenced])));
    stage.mail(0).await;
    let parked = stage.engine(0).depart(silent.fenced, Departure::Park).await;
    assert_eq!(parked, Ok(Departed::Parked));
    assert_eq!(answers(&stage.mail(1).await), [silent.fenced], "that is an answer too");
    admit(&stage.engine(1), attempt).await.expect("a parked session yields");
    assert_eq!(stage.token_refused(silent.token).await, CloseCode::Replaced);
}

pub async fn a_session_is_asked_once_at_a_time(rig: &dyn Rig) {
    if rig.patience() < PROBE_SHARED {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open_at(0, grant(&alice)).await;
    stage.rig.pass(PROBE_SHARED).await;
    let mut asked = Vec::new();
    for n in 0..3 {
        let ticket = stage.mint(shy(&alice)).await;
        let answer = stage.try_ticket(n, ticket).await;
        assert_eq!(answer, Err(NotAdmitted::Asked(vec![first.fenced])));
        asked.extend(probes(&stage.all_mail().await));
    }
    assert_eq!(asked, [first.fenced]);
    stage.engine(0).touch(first.fenced, Touch::Alive).await.expect("it is noted");
    let told = answers(&stage.all_mail().await);
    assert_eq!(told, vec![first.fenced; stage.nodes()], "each node that asked is told once");
}
