//! Tickets: each opens one session, whoever tries it, however often and wherever.
#![expect(missing_docs, reason = "the names are sentences")]

use std::time::Duration;

use kernel::registry::{Attempt, Grant, Proof};
use protocol::{
    close::CloseCode,
    frame::GapReason,
    grant::SendGrant,
    limit::{TICKET_MEMORY, TICKET_TTL},
    position::Position,
};

use super::{
    Rig,
    stage::{Stage, admit, at_once, class, device, grant, ids, origin, refused, user},
};
use crate::contract::{Departed, Departure, NotAdmitted};

/// Attempts that race for one ticket.
const RACERS: usize = 50;

pub async fn a_ticket_opens_one_session(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let bob = SendGrant::Users([user("bob")].into());
    let ticket = stage
        .mint(Grant {
            device: Some(device("d1")),
            class: Some(class("phone")),
            send: bob.clone(),
            ..grant(&alice)
        })
        .await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
    let admitted = admit(&stage.engine(0), attempt.clone()).await.expect("a good ticket");
    assert_eq!(admitted.fenced.session, attempt.session);
    assert_eq!(admitted.token, attempt.token);
    assert_eq!(admitted.user, alice);
    assert_eq!(admitted.device, Some(device("d1")));
    assert_eq!(admitted.class, Some(class("phone")));
    assert_eq!(admitted.send, bob);
    assert_eq!(admitted.after, admitted.joined);
    assert!(!admitted.replay && !admitted.resumed);
    assert_eq!(ids(&stage.sessions(&alice).await), [attempt.session].into());
    assert_eq!(stage.all_mail().await, [], "nobody yielded");
}

pub async fn another_attempt_with_a_spent_ticket_is_refused(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ticket = stage.mint(grant(&alice)).await;
    let admitted = stage.try_ticket(0, ticket).await.expect("a good ticket");
    let position = stage.number(&alice).await;
    stage.all_mail().await;
    assert_eq!(refused(stage.try_ticket(1, ticket).await), CloseCode::TicketSpent);
    let attempt = stage.attempt(Proof::Ticket(ticket, Some(position)), 1);
    assert_eq!(refused(admit(&stage.engine(1), attempt).await), CloseCode::TicketSpent);
    assert_eq!(ids(&stage.sessions(&alice).await), [admitted.fenced.session].into());
    stage.leave(&admitted).await;
    assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::TicketSpent);
    assert_eq!(stage.all_mail().await, []);
}

pub async fn the_same_attempt_gets_the_same_session_while_that_stands(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ends: [Departure; 2] = [Departure::Park, Departure::End(CloseCode::CannotResume)];
    for end in ends {
        let ticket = stage.mint(grant(&alice)).await;
        let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
        let admitted = admit(&stage.engine(0), attempt.clone()).await.expect("a good ticket");
        stage.number(&alice).await;
        stage.all_mail().await;
        // Where it joined, not where the stream is by now: it has seen nothing yet.
        let again = admit(&stage.engine(0), attempt.clone()).await;
        assert_eq!(again, Ok(admitted.clone()));
        let other_token = Attempt { token: stage.attempt(attempt.proof, 0).token, ..attempt };
        let again = admit(&stage.engine(0), other_token.clone()).await;
        assert_eq!(again, Ok(admitted.clone()), "with the token that it got the first time");
        assert_eq!(stage.all_mail().await, []);
        let departed = stage.engine(0).depart(admitted.fenced, end).await;
        assert!(!matches!(departed, Ok(Departed::Void) | Err(_)), "{departed:?}");
        let again = admit(&stage.engine(0), other_token).await;
        assert_eq!(refused(again), CloseCode::TicketSpent, "after {end:?}");
    }
}

pub async fn of_many_attempts_at_once_one_gets_a_session(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ticket = stage.mint(grant(&alice)).await;
    let calls: Vec<_> = (0..RACERS)
        .map(|n| {
            let attempt = stage.attempt(Proof::Ticket(ticket, None), n);
            let engine = stage.engine(n);
            async move { admit(&engine, attempt).await }
        })
        .collect();
    let mut admitted = Vec::new();
    for answer in at_once(calls).await {
        match answer {
            Ok(one) => admitted.push(one.fenced.session),
            answer => assert_eq!(refused(answer), CloseCode::TicketSpent),
        }
    }
    assert_eq!(admitted.len(), 1, "one ticket, one session");
    assert_eq!(ids(&stage.sessions(&alice).await), admitted.into_iter().collect());
}

pub async fn an_attempt_repeated_at_once_gets_one_session(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ticket = stage.mint(grant(&alice)).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
    let calls: Vec<_> = (0..RACERS)
        .map(|_| {
            let (engine, attempt) = (stage.engine(0), attempt.clone());
            async move { admit(&engine, attempt).await }
        })
        .collect();
    let answers = at_once(calls).await;
    let first = answers[0].clone().expect("it is the same attempt");
    assert!(answers.iter().all(|answer| answer.as_ref() == Ok(&first)), "{answers:?}");
    assert_eq!(ids(&stage.sessions(&alice).await), [attempt.session].into());
}

pub async fn an_attempt_that_is_withdrawn_leaves_nothing(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ticket = stage.mint(grant(&alice)).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
    // Before it was done: it spends nothing, and comes too late.
    assert_eq!(stage.engine(0).withdraw(&attempt).await, Ok(Departed::Void));
    assert_eq!(refused(admit(&stage.engine(0), attempt).await), CloseCode::TicketSpent);
    assert_eq!(stage.sessions(&alice).await, []);
    // After it was done, by whatever node asks.
    let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
    admit(&stage.engine(0), attempt.clone()).await.expect("the ticket is still good");
    assert_eq!(stage.engine(1).withdraw(&attempt).await, Ok(Departed::Ended { last: true }));
    assert_eq!(stage.sessions(&alice).await, []);
    assert_eq!(stage.engine(0).withdraw(&attempt).await, Ok(Departed::Void), "and once only");
    assert_eq!(refused(admit(&stage.engine(0), attempt).await), CloseCode::TicketSpent);
    assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::TicketSpent);
    assert_eq!(stage.all_mail().await, [], "its node has no socket of it");
}

pub async fn a_ticket_ends_when_it_was_said_to(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let ttl = stage.window();
    let tickets = [stage.ticket(&alice), stage.ticket(&alice)];
    let mut ends = Vec::new();
    for (ticket, ttl) in tickets.into_iter().zip([ttl, ttl * 8]) {
        ends.push(stage.engine(0).mint(ticket, grant(&alice), ttl).await.expect("it is issued"));
    }
    let apart = Duration::from_millis(ends[1].ms_since(ends[0]));
    assert!(apart >= ttl * 7, "the end is told: {ends:?}");
    if let Some(now) = stage.rig.clock() {
        assert_eq!(ends, [now.after(ttl), now.after(ttl * 8)]);
    }
    stage.rig.pass(ttl).await;
    let code = refused(stage.try_ticket(0, tickets[0]).await);
    // Both tell its owner the same: to get a new one.
    let late = matches!(code, CloseCode::TicketExpired | CloseCode::TicketUnknown);
    assert!(late, "{code} for a ticket that is late");
    stage.try_ticket(0, tickets[1]).await.expect("this one is good for longer");
}

pub async fn a_ticket_that_never_was_is_unknown(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let ticket = stage.ticket(&user("alice"));
    assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::TicketUnknown);
    stage.mint(grant(&user("alice"))).await;
    assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::TicketUnknown);
}

pub async fn a_ticket_is_forgotten_after_its_memory(rig: &dyn Rig) {
    if rig.patience() < TICKET_TTL + TICKET_MEMORY {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let (spent, unused) = (stage.mint(grant(&alice)).await, stage.mint(grant(&alice)).await);
    stage.try_ticket(0, spent).await.expect("a good ticket");
    stage.rig.pass(TICKET_TTL + TICKET_MEMORY).await;
    stage.sweep().await;
    for ticket in [spent, unused] {
        assert_eq!(refused(stage.try_ticket(0, ticket).await), CloseCode::TicketUnknown);
    }
}

pub async fn a_page_must_be_the_tickets_own_or_an_allowed_one(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let (ours, other) = (Some(origin("https://a.example")), Some(origin("https://b.example")));
    // The ticket's own page; the browser's; whether the configuration allows that; whether it fits.
    let cases = [
        (&None, &None, false, true),
        (&None, &ours, false, false),
        (&None, &ours, true, true),
        (&ours, &ours, false, true),
        (&ours, &ours, true, true),
        (&ours, &other, false, false),
        (&ours, &other, true, false),
        (&ours, &None, false, false),
        (&ours, &None, true, false),
    ];
    for case in cases {
        let (bound, from, allowed, fits) = case;
        let ticket = stage.mint(Grant { origin: bound.clone(), ..grant(&alice) }).await;
        let attempt = stage.attempt(Proof::Ticket(ticket, None), 0);
        let attempt = Attempt { origin: from.clone(), origin_allowed: allowed, ..attempt };
        let answer = admit(&stage.engine(0), attempt.clone()).await;
        if fits {
            assert!(answer.is_ok(), "{case:?}: {answer:?}");
        } else {
            let forbidden = Err(NotAdmitted::Refused(CloseCode::Forbidden));
            assert_eq!(answer, forbidden, "{case:?}");
            let right = Attempt { origin: bound.clone(), ..attempt };
            let answer = admit(&stage.engine(0), right).await;
            assert!(answer.is_ok(), "the wrong page spent nothing: {case:?}: {answer:?}");
        }
    }
}

pub async fn a_ticket_goes_on_from_a_known_position(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    stage.open(grant(&alice)).await;
    let (known, missed) = (stage.number(&alice).await, stage.number(&alice).await);
    let ticket = stage.mint(grant(&alice)).await;
    let attempt = stage.attempt(Proof::Ticket(ticket, Some(known)), 0);
    let admitted = admit(&stage.engine(0), attempt.clone()).await.expect("a good ticket");
    assert_eq!((admitted.after, admitted.joined), (known, known));
    assert!(admitted.replay && !admitted.resumed);
    let page = stage.read(&admitted, known).await;
    let positions: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, positions), (None, vec![missed]));
    assert_eq!(admit(&stage.engine(0), attempt).await, Ok(admitted), "and again");
}

pub async fn a_ticket_with_a_position_that_never_was_gets_a_gap(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    stage.open(grant(&alice)).await;
    let last = stage.number(&alice).await;
    let never = [
        Position { epoch: last.epoch + 1, ..last },
        Position { seq: last.seq + 1, ..last },
        Position { epoch: last.epoch - 1, ..last },
    ];
    for known in never {
        let ticket = stage.mint(grant(&alice)).await;
        let attempt = stage.attempt(Proof::Ticket(ticket, Some(known)), 0);
        let admitted = admit(&stage.engine(0), attempt).await.expect("a good ticket");
        assert_eq!(admitted.after, known);
        assert!(admitted.joined < last, "it may have all that there is: {admitted:?}");
        let gap = stage.read(&admitted, known).await.gap.expect("something may be missing");
        assert_eq!((gap.after, gap.reason), (known, GapReason::Epoch));
        assert!(gap.until < last, "what is kept is not missing: {gap:?}");
    }
}
