//! Delivery: who gets a message, where its envelopes go, and what its sender hears.
#![expect(missing_docs, reason = "the names are sentences")]

use std::time::Duration;

use kernel::{
    message::{Audience, Message, Notice},
    plan::{self, Candidate, Member},
    registry::{Admitted, Draft, Grant, Receipt, Touch},
};
use protocol::{
    http::{Session, SessionState},
    id::SessionId,
    partition::Partition,
    position::Position,
    target::Target,
};

use super::{
    Rig,
    dice::Dice,
    stage::{Stage, class, data, device, grant, messages, user},
};
use crate::contract::Departure;

/// Random users for each seed, and messages to each.
const USERS: usize = 20;
const MESSAGES: usize = 12;

/// What a receipt counts.
fn counts(receipt: Receipt) -> (Option<Position>, u32, u32) {
    (receipt.position, receipt.live, receipt.parked)
}

/// What it counts where nobody is there.
const NOBODY: (Option<Position>, u32, u32) = (None, 0, 0);

pub async fn who_gets_a_message_is_what_the_kernel_says(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for seed in Dice::seeds() {
        let mut dice = Dice::new(seed);
        for n in 0..USERS {
            let name = user(&format!("u{seed}-{n}"));
            let mut people: Vec<Admitted> = Vec::new();
            let mut head = None;
            for m in 0..MESSAGES {
                if dice.chance(60) {
                    let on = Grant {
                        device: dice.one_of(&[None, Some("d1"), Some("d2")]).map(device),
                        class: dice.one_of(&[None, Some("phone"), Some("desktop")]).map(class),
                        ..grant(&name)
                    };
                    people.push(stage.open_at(dice.below(3), on).await);
                    head = head.or_else(|| people.last().map(|first| first.joined));
                }
                stir(&stage, &mut dice, &people).await;
                let draft = draft(&mut stage, &mut dice, &people);
                let case = format!("seed {seed}, user {n}, message {m}");
                head = choose_as_the_kernel(&mut stage, &people, draft, head, &case).await;
            }
        }
    }
}

pub async fn a_message_arrives_as_it_was_accepted(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let other = stage.open(grant(&alice)).await;
    let (ttl, draft) = (stage.window() * 4, stage.draft());
    let full = Draft {
        data: data("\u{1F600} \"quoted\" \\ {1} \0"),
        from: Some(user("bob")),
        echo_of: Some(user("carol")),
        to: Target::Session(opened.fenced.session),
        except: Some(other.fenced.session),
        ttl: Some(ttl),
        ..draft.clone()
    };
    for draft in [draft, full] {
        let receipt = stage.engine(0).append(&alice, draft.clone()).await.expect("there is room");
        let mail = stage.mail(0).await;
        let [envelope] = mail.as_slice() else { panic!("one envelope: {mail:?}") };
        assert_eq!(envelope.user, alice);
        let Notice::Message(message) = &envelope.notice else { panic!("{envelope:?}") };
        let expected = Message {
            id: draft.id,
            position: receipt.position,
            data: draft.data,
            at: message.at,
            from: draft.from,
            echo_of: draft.echo_of,
            to: match draft.to {
                Target::Session(session) => Audience::Session(session),
                _ => Audience::All,
            },
            except: draft.except,
            expires_at: draft.ttl.map(|ttl| message.at.after(ttl)),
        };
        assert_eq!(**message, expected);
        if let Some(now) = stage.rig.clock() {
            assert_eq!(message.at, now);
        }
        let page = stage.read(&opened, opened.joined).await;
        assert_eq!(page.messages.last(), Some(message), "the stream keeps the same");
    }
}

pub async fn a_message_to_nobody_takes_no_position(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    assert_eq!(counts(stage.send(&alice).await), NOBODY);
    let opened = stage.open(grant(&alice)).await;
    let first = stage.number(&alice).await;
    stage.leave(&opened).await;
    assert_eq!(counts(stage.send(&alice).await), NOBODY, "everybody left");
    let parked = stage.open(grant(&alice)).await;
    assert_eq!(parked.joined, first, "nothing was numbered");
    stage.park(&parked).await;
    stage.rig.pass(stage.window()).await;
    assert_eq!(counts(stage.send(&alice).await), NOBODY, "the window is over");
    assert_eq!(messages(&stage.all_mail().await).len(), 1);
}

pub async fn positions_grow(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let mut last = opened.joined;
    for n in 0..20 {
        let volatile = n % 3 == 1;
        let to = if n % 4 == 3 { Target::Device(device("none")) } else { Target::All };
        let draft = Draft { volatile, to, ..stage.draft() };
        let receipt = stage.engine(n).append(&alice, draft).await.expect("there is room");
        assert_eq!(receipt.position.is_none(), volatile);
        if let Some(position) = receipt.position {
            assert!(position > last, "{position} after {last}");
            assert_eq!(position.epoch, last.epoch);
            last = position;
        }
    }
    let second = stage.open(grant(&alice)).await;
    assert_eq!(second.joined, last, "a new session begins where the last message was");
}

pub async fn one_envelope_goes_to_each_node_that_has_a_target(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    for n in 0..stage.nodes() * 2 {
        let on = Grant { device: Some(device(&format!("d{n}"))), ..grant(&alice) };
        stage.open_at(n, on).await;
    }
    stage.open(grant(&user("bob"))).await;
    let position = stage.send(&alice).await.position;
    for n in 0..stage.nodes() {
        let mail = messages(&stage.mail(n).await);
        assert_eq!(mail.len(), 1, "two sessions at node {n}, one envelope");
        assert_eq!(mail[0].position, position);
    }
    for n in 0..stage.nodes() {
        let draft = Draft { to: Target::Device(device(&format!("d{n}"))), ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        assert_eq!((receipt.live, receipt.parked), (1, 0));
        for other in 0..stage.nodes() {
            assert_eq!(messages(&stage.mail(other).await).len(), usize::from(other == n));
        }
    }
}

pub async fn live_and_parked_targets_are_counted(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut sessions = Vec::new();
    for n in 0..5 {
        sessions.push(stage.open_at(n, grant(&alice)).await);
    }
    for parks in &sessions[..2] {
        stage.park(parks).await;
    }
    let receipt = stage.send(&alice).await;
    assert_eq!((receipt.live, receipt.parked), (3, 2));
    for except in [&sessions[0], &sessions[4]] {
        let draft = Draft { except: Some(except.fenced.session), ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        assert_eq!(receipt.live + receipt.parked, 4);
    }
    let draft = Draft { to: Target::Session(sessions[0].fenced.session), ..stage.draft() };
    stage.all_mail().await;
    let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
    assert_eq!((receipt.live, receipt.parked), (0, 1));
    assert_eq!(stage.all_mail().await, [], "a parked session is at no node");
    stage.rig.pass(stage.window()).await;
    let receipt = stage.send(&alice).await;
    assert_eq!((receipt.live, receipt.parked), (3, 0), "whether or not a sweep came past");
}

pub async fn a_volatile_message_is_not_kept(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let parked = stage.open(grant(&alice)).await;
    stage.park(&parked).await;
    let draft = Draft { volatile: true, ..stage.draft() };
    let receipt = stage.engine(0).append(&alice, draft.clone()).await.expect("there is room");
    assert_eq!(counts(receipt), (None, 1, 0));
    assert_eq!((receipt.id, receipt.replayed), (draft.id, false));
    let told = messages(&stage.mail(0).await);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].id, told[0].position), (draft.id, None));
    let page = stage.read(&opened, opened.joined).await;
    assert_eq!((page.gap, page.messages, page.until), (None, vec![], opened.joined));
}

pub async fn the_choice_of_active_stays_with_the_message(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open(grant(&alice)).await;
    stage.rig.pass(Duration::from_millis(2)).await;
    let second = stage.open_at(1, grant(&alice)).await;
    for active in [&second, &first] {
        let draft = Draft { to: Target::Active, ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        assert_eq!((receipt.live, receipt.parked), (1, 0));
        let last = stage.read(&first, first.joined).await.messages.pop();
        let to = last.map(|message| message.to.clone());
        assert_eq!(to, Some(Audience::Session(active.fenced.session)));
        stage.rig.pass(Duration::from_millis(2)).await;
        assert_eq!(stage.engine(0).touch(first.fenced, Touch::Active).await, Ok(()));
    }
}

pub async fn durability_is_told(rig: &dyn Rig) {
    let stage = Stage::of(rig).await;
    assert_eq!(stage.engine(0).durability(), rig.durability());
}

/// Lets some sessions park, come into use, and grow older.
async fn stir(stage: &Stage<'_>, dice: &mut Dice, people: &[Admitted]) {
    if dice.chance(60) {
        stage.rig.pass(Duration::from_millis(1)).await;
    }
    for _ in 0..2 {
        let Some(somebody) = dice.any_of(people) else { return };
        if dice.chance(30) {
            // It may be parked already.
            let parked = stage.engine(0).depart(somebody.fenced, Departure::Park).await;
            assert!(parked.is_ok(), "{parked:?}");
        } else if dice.chance(50) {
            let touched = stage.engine(0).touch(somebody.fenced, Touch::Active).await;
            assert_eq!(touched, Ok(()));
        }
    }
}

fn draft(stage: &mut Stage<'_>, dice: &mut Dice, people: &[Admitted]) -> Draft {
    let mut somebody = || dice.any_of(people).map(|one| one.fenced.session);
    let (one, except) = (somebody(), somebody());
    let stranger = SessionId::new(Partition(0), stage.bits());
    Draft {
        to: dice
            .one_of(&[
                Target::All,
                Target::Active,
                Target::Device(device("d1")),
                Target::Device(device("d3")),
                Target::Class(class("phone")),
                Target::Session(one.unwrap_or(stranger)),
                Target::Session(stranger),
            ])
            .clone(),
        except: except.filter(|_| dice.chance(30)),
        volatile: dice.chance(20),
        ..stage.draft()
    }
}

/// Sends a message, and asks the kernel who should get it. Returns the stream's new head.
async fn choose_as_the_kernel(
    stage: &mut Stage<'_>,
    people: &[Admitted],
    draft: Draft,
    head: Option<Position>,
    case: &str,
) -> Option<Position> {
    let Some(user) = people.first().map(|first| first.user.clone()) else { return head };
    let shown = stage.sessions(&user).await;
    let to = plan::settle(draft.to.clone(), shown.iter().map(candidate));
    let receipt = stage.engine(1).append(&user, draft.clone()).await.expect("there is room");
    let case = format!("{case}: {draft:?}, {receipt:?}, among {shown:#?}");
    assert_eq!(receipt.position.is_none(), draft.volatile, "{case}");
    let to = to.expect("somebody is there");
    let mut message = Message {
        id: draft.id,
        position: receipt.position,
        data: draft.data,
        at: shown[0].created_at,
        from: None,
        echo_of: None,
        to,
        except: draft.except,
        expires_at: None,
    };
    let meant = |session: &&Session| plan::matches(&message, &member(session, people));
    let (live, parked): (Vec<_>, Vec<_>) =
        shown.iter().filter(meant).partition(|session| session.state == SessionState::Live);
    let parked = if draft.volatile { 0 } else { parked.len() };
    assert_eq!((receipt.live as usize, receipt.parked as usize), (live.len(), parked), "{case}");
    for n in 0..stage.nodes() {
        let mail = stage.mail(n).await;
        let here = live.iter().any(|session| *session.node == *stage.me(n).id);
        assert_eq!(mail.len(), usize::from(here), "{case}");
        for told in messages(&mail) {
            message.at = told.at;
            assert_eq!(*told, message, "{case}");
        }
    }
    let Some((head, position)) = head.zip(receipt.position) else { return head };
    let page = stage.read(&people[0], head).await;
    assert_eq!((&page.gap, page.until), (&None, position), "{case}");
    let [kept] = page.messages.as_slice() else { panic!("one is new: {page:?}; {case}") };
    message.at = kept.at;
    assert_eq!(**kept, message, "{case}");
    Some(position)
}

fn candidate(session: &Session) -> Candidate {
    Candidate {
        id: session.id,
        live: session.state == SessionState::Live,
        active_at: session.active_at,
        created_at: session.created_at,
    }
}

fn member<'a>(session: &'a Session, people: &[Admitted]) -> Member<'a> {
    let admitted = people.iter().find(|one| one.fenced.session == session.id);
    Member {
        id: session.id,
        device: session.device.as_ref(),
        class: session.device_class.as_ref(),
        joined: admitted.expect("all of them were opened here").joined,
    }
}
