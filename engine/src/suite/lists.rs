//! Lists: who is there, told completely and without doubles.
#![expect(missing_docs, reason = "the names are sentences")]

use std::{
    collections::{BTreeSet, VecDeque},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::registry::{Attempt, Grant, Proof};
use protocol::{
    close::CloseCode,
    grant::Meta,
    http::{Session, SessionState},
    id::SessionId,
    partition::Partition,
};

use tokio::task::JoinSet;

use super::{
    Rig,
    stage::{Stage, admit, class, device, grant, user},
};
use crate::contract::{Departed, Departure, Ending, Engine, Query};

/// Sessions of the lists, enough for several in a partition.
const SESSIONS: usize = 400;

pub async fn a_session_is_shown_as_it_is(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let meta: Meta = serde_json::from_str(r#"{"a":"1","b":"two"}"#).expect("it is JSON");
    let ticket = stage
        .mint(Grant {
            device: Some(device("d1")),
            class: Some(class("phone")),
            meta: meta.clone(),
            ..grant(&alice)
        })
        .await;
    let address = Ipv4Addr::new(192, 0, 2, 7).into();
    let attempt = Attempt { address, ..stage.attempt(Proof::Ticket(ticket, None), 1) };
    let opened = admit(&stage.engine(1), attempt).await.expect("a good ticket");
    let one = Query::Session(opened.fenced.session);
    let shown = stage.engine(0).sessions(&one).await.expect("lists can be read");
    let created_at = shown[0].created_at;
    let live = Session {
        id: opened.fenced.session,
        user: alice.clone(),
        device: Some(device("d1")),
        device_class: Some(class("phone")),
        node: stage.me(1).id.to_string(),
        state: SessionState::Live,
        created_at,
        connected_at: created_at,
        active_at: created_at,
        resumable_until: None,
        acked: None,
        address,
        meta,
    };
    assert_eq!(shown, std::slice::from_ref(&live));
    assert_eq!(stage.sessions(&alice).await, shown);
    let all = Query::All { after: None, most: 10 };
    assert_eq!(stage.engine(0).sessions(&all).await.expect("lists can be read"), shown);
    stage.park(&opened).await;
    let shown = stage.sessions(&alice).await;
    let resumable_until = shown[0].resumable_until;
    assert_eq!(shown, [Session { state: SessionState::Parked, resumable_until, ..live }]);
    let window = resumable_until.expect("it is parked").ms_since(created_at);
    assert!(Duration::from_millis(window) >= stage.window());
    stage.rig.pass(stage.window()).await;
    for query in [one, Query::User(alice), all] {
        let shown = stage.engine(0).sessions(&query).await;
        assert_eq!(shown, Ok(vec![]), "{query:?} after its window, swept or not");
    }
}

pub async fn a_users_sessions_are_listed_oldest_first(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut opened = Vec::new();
    for n in 0..8 {
        opened.push(stage.open_at(n, grant(&alice)).await);
        stage.rig.pass(Duration::from_millis(2)).await;
    }
    // Coming back makes no session younger.
    let back = &opened[2];
    stage.try_token(0, back.token, back.after).await.expect("it stands");
    let expected: Vec<_> = opened.iter().map(|one| one.fenced.session).collect();
    let listed: Vec<_> = stage.sessions(&alice).await.iter().map(|one| one.id).collect();
    assert_eq!(listed, expected);
    assert_eq!(stage.sessions(&user("bob")).await, []);
    let never = SessionId::new(Partition::of(&alice), stage.bits());
    let shown = stage.engine(0).sessions(&Query::Session(never)).await;
    assert_eq!(shown, Ok(vec![]));
}

pub async fn a_list_gives_each_session_once(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let there = crowd(&mut stage).await;
    for most in [1, 7, 64, SESSIONS, 2 * SESSIONS] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = page(&stage.engine(0), after, most).await;
            assert!(page.len() <= most);
            listed.extend(page.iter().map(|one| one.id));
            assert!(listed.len() <= SESSIONS, "it does not end");
            after = page.last().map(|one| one.id);
            if page.len() < most {
                break;
            }
        }
        assert_eq!(listed.len(), SESSIONS, "{most} at a time");
        assert_eq!(BTreeSet::from_iter(listed), there, "{most} at a time");
    }
}

pub async fn a_list_gives_each_session_once_while_others_come_and_go(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let there = crowd(&mut stage).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut others = Vec::new();
    for n in 0..SESSIONS {
        let ticket = stage.mint(grant(&user(&format!("other{n}")))).await;
        others.push(stage.attempt(Proof::Ticket(ticket, None), n));
    }
    let (engine, stopped) = (stage.engine(0), Arc::clone(&stop));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // They stay a moment, so that some are there at any time.
        let mut present = VecDeque::new();
        for attempt in others {
            present.push_back(admit(&engine, attempt).await.expect("a good ticket"));
            if present.len() > 20 || stopped.load(Ordering::Relaxed) {
                let leaves = present.pop_front().expect("there are some").fenced;
                let end = Departure::End(CloseCode::CannotResume);
                let left = engine.depart(leaves, end).await;
                assert!(matches!(left, Ok(Departed::Ended { .. })), "{left:?}");
            }
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..3 {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = page(&stage.engine(0), after, 7).await;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            listed.extend(page.iter().map(|one| one.id));
            assert!(listed.len() <= 2 * SESSIONS, "it does not end");
            tokio::task::yield_now().await;
        }
        let distinct: BTreeSet<_> = listed.iter().copied().collect();
        assert_eq!(distinct.len(), listed.len(), "none comes twice");
        assert!(distinct.is_superset(&there), "none is missed");
    }
    stop.store(true, Ordering::Relaxed);
    tasks.join_all().await;
}

pub async fn a_list_goes_on_after_a_session_that_is_gone(rig: &dyn Rig) {
    let mut stage = Stage::of(rig).await;
    let mut there = crowd(&mut stage).await;
    let mut after = None;
    while let Some(last) = page(&stage.engine(0), after, 9).await.pop() {
        let gone = Ending::Session(last.id);
        let ended = stage.end(0, &gone, CloseCode::ClosedByBackend).await;
        assert_eq!(ended, Ok(vec![last.id]));
        there.remove(&last.id);
        after = Some(last.id);
        stage.all_mail().await;
    }
    let listed: BTreeSet<_> =
        page(&stage.engine(0), None, SESSIONS).await.iter().map(|one| one.id).collect();
    assert_eq!(listed, there, "it came past all: every ninth is gone");
    assert_eq!(there.len(), SESSIONS - SESSIONS.div_ceil(9));
}

/// Sessions of many users; some users have several, some sessions are parked.
async fn crowd(stage: &mut Stage<'_>) -> BTreeSet<SessionId> {
    let mut there = BTreeSet::new();
    for n in 0..SESSIONS {
        let name = user(&format!("u{}", n % (SESSIONS * 2 / 3)));
        let opened = stage.open_at(n, grant(&name)).await;
        if n % 5 == 0 {
            stage.park(&opened).await;
            // However long it takes to read lists of so many.
            stage.engine(0).hold(opened.token, stage.window() * 50).await.expect("it is noted");
        }
        there.insert(opened.fenced.session);
    }
    there
}

async fn page(engine: &Arc<dyn Engine>, after: Option<SessionId>, most: usize) -> Vec<Session> {
    engine.sessions(&Query::All { after, most }).await.expect("lists can be read")
}
