//! Race: what holds when many nodes and users call at once.
#![expect(missing_docs, reason = "the names are sentences")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use kernel::{
    message::{Envelope, Notice},
    registry::{Admitted, Draft, Grant, Proof},
};
use protocol::{
    close::CloseCode,
    grant::{Policy, Scope, WhenFull},
    http::SessionState,
    id::{MessageId, SessionId},
    name::UserId,
    partition::PARTITIONS,
    position::Position,
};
use tokio::task::JoinSet;

use super::{
    Rig,
    stage::{Stage, admit, at_once, ends, grant, ids, messages, refused, single, user},
};
use crate::contract::{Departed, Departure, Ending, Engine, Failed, NotAdmitted, Query};

/// Tries of what needs an unlucky moment.
const ROUNDS: usize = 20;

/// Those who send at once, and how much each.
const SENDERS: usize = 8;
const SENT: usize = 3000;

/// A message as its sender knows it.
type Numbered = (Position, MessageId);

/// Those who want one place.
const RACERS: usize = 40;

pub async fn envelopes_come_in_the_order_of_their_positions(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let users = ["alice", "bob"].map(user);
    for n in 0..users.len() * stage.nodes() {
        stage.open_at(n, grant(&users[n / stage.nodes()])).await;
    }
    let mut calls = Vec::new();
    for n in 0..SENDERS {
        let (engine, user) = (stage.engine(n), users[n % users.len()].clone());
        let drafts: Vec<_> = (0..SENT).map(|_| stage.draft()).collect();
        calls.push(async move { (user.clone(), send_all(&*engine, &user, drafts).await) });
    }
    let senders = tokio::spawn(at_once(calls));
    // Mailboxes are emptied all the while, or there would be no room.
    let mut told = vec![BTreeMap::new(); stage.nodes()];
    let mut done = false;
    while !done {
        done = senders.is_finished();
        for (n, told) in told.iter_mut().enumerate() {
            note_by_user(&stage.mail(n).await, told);
        }
        tokio::task::yield_now().await;
    }
    let mut sent: BTreeMap<UserId, Vec<_>> = BTreeMap::new();
    for (user, numbered) in senders.await.expect("no sender fails") {
        assert!(numbered.is_sorted(), "what is sent later comes later");
        sent.entry(user).or_default().extend(numbered);
    }
    for (user, numbered) in &mut sent {
        numbered.sort_unstable();
        let distinct: BTreeSet<_> = numbered.iter().map(|(position, _)| position).collect();
        assert_eq!(distinct.len(), numbered.len(), "none is given twice to {user}");
    }
    for told in told {
        assert!(told == sent, "each comes once, in order: {}", first_wrong(&told, &sent));
    }
}

pub async fn one_place_is_never_held_by_two(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for (round, max) in [1, 1, 1, 3].into_iter().enumerate() {
        let name = user(&format!("u{round}"));
        let policy = Policy { max, ..Policy::SINGLE };
        let calls = admissions(&mut stage, &Grant { policy, ..grant(&name) }).await;
        let watch = Watch::start(&stage, &name, max as usize);
        let admitted: BTreeSet<SessionId> = at_once(calls)
            .await
            .into_iter()
            .map(|answer| answer.expect("it replaces").fenced.session)
            .collect();
        watch.end().await;
        let left = ids(&stage.sessions(&name).await);
        assert_eq!(left.len(), max as usize);
        let told = ends(&stage.all_mail().await);
        assert!(told.iter().all(|(_, code)| *code == CloseCode::Replaced), "{told:?}");
        let mut gone: Vec<_> = told.into_iter().map(|(fenced, _)| fenced.session).collect();
        gone.sort_unstable();
        assert_eq!(gone, Vec::from_iter(&admitted - &left), "each of the others is told once");
    }
}

pub async fn one_place_is_given_to_one_of_those_who_may_not_replace(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for (round, max) in [1, 1, 1, 3].into_iter().enumerate() {
        let name = user(&format!("u{round}"));
        let policy = Policy { max, per: Scope::User, when_full: WhenFull::Reject };
        let calls = admissions(&mut stage, &Grant { policy, ..grant(&name) }).await;
        let watch = Watch::start(&stage, &name, max as usize);
        let mut admitted = BTreeSet::new();
        for answer in at_once(calls).await {
            match answer {
                Ok(one) => {
                    admitted.insert(one.fenced.session);
                }
                answer => assert_eq!(refused(answer), CloseCode::LimitReached),
            }
        }
        watch.end().await;
        assert_eq!(admitted.len(), max as usize);
        assert_eq!(ids(&stage.sessions(&name).await), admitted);
        assert_eq!(stage.all_mail().await, [], "nobody yielded");
    }
}

pub async fn the_replaced_are_told_before_later_messages(rig: &dyn Rig) {
    let (mut stage, mut checked) = (Stage::of(rig).await, 0);
    for round in 0..3 * ROUNDS {
        let name = user(&format!("u{round}"));
        stage.open_at(0, single(&name)).await;
        let mut calls = Vec::new();
        for n in 0..SENDERS {
            let mut steps = Vec::new();
            for _ in 0..10 {
                let ticket = stage.mint(single(&name)).await;
                let drafts: Vec<_> = (0..4).map(|_| stage.draft()).collect();
                steps.push((stage.attempt(Proof::Ticket(ticket, None), n), drafts));
            }
            let (engine, name) = (stage.engine(n), name.clone());
            calls.push(async move {
                let mut admitted = Vec::new();
                for (attempt, drafts) in steps {
                    admitted.push(admit(&engine, attempt).await.expect("it replaces"));
                    for draft in drafts {
                        let receipt = engine.append(&name, draft).await.expect("there is room");
                        let counts = (receipt.live, receipt.parked);
                        assert_eq!(counts, (1, 0), "one is there at any time");
                    }
                }
                admitted
            });
        }
        let admitted = at_once(calls).await.into_iter().flatten();
        let joined: BTreeMap<_, _> = admitted.map(|one| (one.fenced.session, one.joined)).collect();
        for n in 0..stage.nodes() {
            checked += check_order(&stage.mail(n).await, &joined);
        }
    }
    assert!(checked > 0, "none says who replaced it");
}

pub async fn a_late_word_of_the_old_socket_does_not_park_a_resumed_session(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for round in 0..ROUNDS {
        let name = user(&format!("u{round}"));
        let old = stage.open_at(0, grant(&name)).await;
        let (engine, fenced) = (stage.engine(0), old.fenced);
        let parks = tokio::spawn(async move { engine.depart(fenced, Departure::Park).await });
        let resumed = stage.try_token(1, old.token, old.after).await.expect("it stands");
        let parked = parks.await.expect("it does not fail").expect("an answer");
        let shown = stage.sessions(&name).await;
        assert_eq!(shown[0].state, SessionState::Live, "whether or not it was parked: {parked:?}");
        let told = ends(&stage.all_mail().await);
        let parked = parked == Departed::Parked;
        assert_eq!(told.is_empty(), parked, "a parked one has no socket to take over");
        stage.leave(&resumed).await;
    }
}

pub async fn of_two_resumes_at_once_the_later_holds(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    for round in 0..ROUNDS {
        let name = user(&format!("u{round}"));
        let opened = stage.open(grant(&name)).await;
        stage.park(&opened).await;
        let calls: Vec<_> = (0..4)
            .map(|n| {
                let attempt = stage.attempt(Proof::Resume(opened.token, opened.after), n);
                let engine = stage.engine(n);
                async move { admit(&engine, attempt).await.expect("the token is good till then") }
            })
            .collect();
        let mut resumed = at_once(calls).await;
        resumed.sort_by_key(|one| one.fenced.fence);
        let holds = resumed.pop().expect("there are four");
        let mut told: Vec<_> = ends(&stage.all_mail().await);
        told.sort_by_key(|(fenced, _)| fenced.fence);
        let taken_over = resumed.iter().map(|one| (one.fenced, CloseCode::TakenOver));
        assert_eq!(told, Vec::from_iter(taken_over), "the others are told, each once");
        for one in &resumed {
            assert_eq!(
                stage.engine(0).depart(one.fenced, Departure::Park).await,
                Ok(Departed::Void)
            );
        }
        stage.try_token(0, holds.token, holds.after).await.expect("its token is good");
        assert_eq!(ends(&stage.all_mail().await), [(holds.fenced, CloseCode::TakenOver)]);
    }
}

pub async fn an_end_is_told_once(rig: &dyn Rig) {
    const EACH: usize = 6;
    let mut stage = Stage::of(rig).await;
    for round in 0..ROUNDS {
        let name = user(&format!("u{round}"));
        let mut opened = Vec::new();
        for n in 0..EACH {
            opened.push(stage.open_at(n, grant(&name)).await);
        }
        let mut calls = Vec::new();
        for one in &opened {
            let (engine, fenced) = (stage.engine(0), one.fenced);
            calls.push(tokio::spawn(async move {
                let end = Departure::End(CloseCode::CannotResume);
                let ended = engine.depart(fenced, end).await.expect("an answer");
                let ended = matches!(ended, Departed::Ended { .. });
                Vec::from_iter(ended.then_some(fenced.session))
            }));
        }
        for n in 0..4 {
            let engine = stage.engine(n);
            let ending = match n {
                0 => Ending::Session(opened[0].fenced.session),
                _ => Ending::User { user: name.clone(), except: None },
            };
            calls.push(tokio::spawn(async move {
                let ended = engine.end(&ending, CloseCode::ClosedByBackend).await;
                ended.expect("there is room").into_iter().map(|one| one.session).collect()
            }));
        }
        let newcomer = stage.open_at(1, single(&name)).await;
        let mut told = Vec::new();
        for call in calls {
            told.extend(call.await.expect("it does not fail"));
        }
        let mail = ends(&stage.all_mail().await).into_iter();
        let replaced = mail.filter(|(_, code)| *code == CloseCode::Replaced);
        told.extend(replaced.map(|(fenced, _)| fenced.session));
        told.retain(|session| *session != newcomer.fenced.session);
        told.sort_unstable();
        let mut all: Vec<_> = opened.iter().map(|one| one.fenced.session).collect();
        all.sort_unstable();
        assert_eq!(told, all, "each by one of those who ended it");
    }
}

pub async fn sweeps_at_once_tell_each_session_once(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let mut expected = Vec::new();
    for n in 0..200 {
        let age = Some(stage.window());
        let opened =
            stage.open_at(n, Grant { max_age: age, ..grant(&user(&format!("u{}", n % 50))) }).await;
        expected.push(opened.fenced);
    }
    stage.rig.pass(stage.window()).await;
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let engine = stage.engine(n);
            async move {
                let mut ended = Vec::new();
                for _ in 0..PARTITIONS {
                    ended.extend(engine.sweep().await.expect("sweeps are done"));
                }
                ended
            }
        })
        .collect();
    let ended: Vec<_> = at_once(calls).await.into_iter().flatten().collect();
    let lasts = ended.iter().filter(|one| one.last).count();
    assert_eq!(lasts, 50, "each user has one last session");
    let mut swept: Vec<_> = ended.iter().map(|one| one.session).collect();
    let mut told: Vec<_> = ends(&stage.all_mail().await).into_iter().map(|(f, _)| f).collect();
    swept.sort_unstable();
    told.sort_unstable_by_key(|fenced| fenced.session);
    expected.sort_unstable_by_key(|fenced| fenced.session);
    assert_eq!(swept, expected.iter().map(|f| f.session).collect::<Vec<_>>());
    assert_eq!(told, expected, "and each node is told once");
}

/// Attempts that all want a place at once, each with a ticket of its own.
async fn admissions(
    stage: &mut Stage<'_>,
    grant: &Grant,
) -> Vec<impl Future<Output = Result<Admitted, NotAdmitted>> + use<>> {
    let mut calls = Vec::new();
    for n in 0..RACERS {
        let ticket = stage.mint(grant.clone()).await;
        let attempt = stage.attempt(Proof::Ticket(ticket, None), n);
        let engine = stage.engine(n);
        calls.push(async move { admit(&engine, attempt).await });
    }
    calls
}

/// Somebody who looks at a user's sessions all the time.
struct Watch {
    stop: Arc<AtomicBool>,
    task: JoinSet<()>,
}

impl Watch {
    fn start(stage: &Stage<'_>, user: &UserId, max: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, query, stopped) =
            (stage.engine(0), Query::User(user.clone()), Arc::clone(&stop));
        let mut task = JoinSet::new();
        task.spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let shown = engine.sessions(&query).await.expect("lists can be read");
                assert!(shown.len() <= max, "{} of {max} sessions: {shown:#?}", shown.len());
                tokio::task::yield_now().await;
            }
        });
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.join_all().await;
    }
}

/// Where a session that replaces another joined is where the other was told, among messages.
/// Tells of how many that was seen.
fn check_order(mail: &[Envelope], joined: &BTreeMap<SessionId, Position>) -> usize {
    let mut seen = 0;
    for (place, envelope) in mail.iter().enumerate() {
        let Notice::End { end, .. } = &envelope.notice else { continue };
        // Who looks for itself what became of a session does not learn who replaced it.
        let Some(by) = &end.by else { continue };
        seen += 1;
        let joined = joined[&by.session];
        let earlier = messages(&mail[..place]);
        let later = messages(&mail[place..]);
        let late = earlier.iter().find(|message| message.position > Some(joined));
        assert_eq!(late, None, "the end came after a message that is not for it");
        let early = later.iter().find(|message| message.position <= Some(joined));
        assert_eq!(early, None, "the end came before a message that is for it");
    }
    seen
}

/// Sends one after the other; a message that was not taken is sent again.
async fn send_all(engine: &dyn Engine, user: &UserId, drafts: Vec<Draft>) -> Vec<Numbered> {
    let mut numbered = Vec::new();
    for draft in drafts {
        let receipt = loop {
            match engine.append(user, draft.clone()).await {
                Ok(receipt) => break receipt,
                Err(failed) => assert_eq!(failed, Failed::NotDone.into()),
            }
            tokio::task::yield_now().await;
        };
        numbered.push((receipt.position.expect("somebody is there"), draft.id));
    }
    numbered
}

fn note_by_user(mail: &[Envelope], told: &mut BTreeMap<UserId, Vec<Numbered>>) {
    for envelope in mail {
        let Notice::Message(message) = &envelope.notice else { panic!("nobody ends") };
        let position = message.position.expect("none is volatile");
        told.entry(envelope.user.clone()).or_default().push((position, message.id));
    }
}

fn first_wrong(
    told: &BTreeMap<UserId, Vec<Numbered>>,
    sent: &BTreeMap<UserId, Vec<Numbered>>,
) -> String {
    let wrong = sent.iter().find_map(|(user, sent)| {
        let told = told.get(user).map_or(&[][..], Vec::as_slice);
        let at = (0..sent.len()).find(|n| told.get(*n) != sent.get(*n))?;
        Some(format!("{user} was told {:?} for {:?}", told.get(at), sent[at]))
    });
    wrong.unwrap_or_else(|| "more than was sent".to_owned())
}
