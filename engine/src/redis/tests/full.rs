//! A Redis whose memory is full takes nothing more, and what is there goes on.

use kernel::registry::{Key, KeyScope, Proof};
use protocol::{grant::Policy, http::SessionState};

use super::{stage::*, *};

/// Short, so that one that is not renewed has lapsed soon.
const LEASE: Duration = Duration::from_secs(3);

async fn fill(hall: &Hall) {
    let _full: String = hall.server.tell("CONFIG SET maxmemory 1").await;
}

async fn give_room(hall: &Hall) {
    let _free: String = hall.server.tell("CONFIG SET maxmemory 0").await;
}

async fn until_full(engine: &Redis, hall: &Hall) {
    let why = Refused::Full { at: hall.server.at() }.to_string();
    let full = Health::Full(PARTITIONS, why);
    engine.health().wait_for(|health| *health == full).await.expect("it is noticed");
}

async fn states(node: &Node, user: &UserId) -> Vec<SessionState> {
    let sessions = node.engine.sessions(&Query::User(user.clone())).await.expect("they are listed");
    sessions.iter().map(|session| session.state).collect()
}

#[tokio::test]
async fn c14_a_full_memory_refuses_and_loses_nothing() {
    let hall = Hall::on(&[]).await;
    let (_, node) = hall.engine("n0").await;
    let alice = user("alice");
    let opened = open(&node, &alice, 1).await;
    let kept = send(&node, &alice, 1).await;
    let ticket = mint(&node, &alice, 2).await;
    fill(&hall).await;
    let key = Key { scope: KeyScope::Backend("k".into()), text: "a".into(), fingerprint: 1 };
    for draft in [
        draft(2),
        Draft { volatile: true, ..draft(3) },
        Draft { key: Some(key.clone()), ..draft(4) },
    ] {
        assert_eq!(node.engine.append(&alice, draft).await, Err(Failed::Full.into()));
    }
    assert_eq!(node.engine.begin(&key).await, Err(Failed::Full.into()));
    let another = Ticket::new(Partition::of(&alice), 3);
    let minted = node.engine.mint(another, grant(&alice, Policy::MULTI), LEASE).await;
    assert_eq!(minted, Err(Failed::Full.into()));
    let refused = place(&node, Proof::Ticket(ticket, None), 2).await;
    assert_eq!(refused, Err(NotAdmitted::Failed(Failed::Full)));
    let reader = Reader { user: alice.clone(), fenced: opened.fenced, after: opened.joined };
    let page = node.engine.read(&reader, 10, 1000).await.unwrap().expect("it stands");
    assert_eq!((page.gap, page.messages.len(), page.until), (None, 1, kept));
    give_room(&hall).await;
    assert_eq!(send(&node, &alice, 5).await.seq, kept.seq + 1);
    let again = Draft { key: Some(key), ..draft(6) };
    let sent = node.engine.append(&alice, again).await.expect("there is room");
    assert!(!sent.replayed, "what was refused is not known by its key");
    place(&node, Proof::Ticket(ticket, None), 2).await.expect("the ticket was not spent");
}

#[tokio::test(flavor = "multi_thread")]
async fn c14_a_full_memory_keeps_sessions_and_lets_them_go() {
    let mut hall = Hall::on(&[]).await;
    (hall.lease, hall.window) = (LEASE, Duration::from_secs(60));
    let (first, one) = hall.engine("n0").await;
    let (second, other) = hall.engine("n1").await;
    let (alice, bob, carol) = (user("alice"), user("bob"), user("carol"));
    let [stays, goes] = [open(&one, &alice, 1).await, open(&one, &alice, 2).await];
    let (kicked, blocked) = (open(&other, &bob, 3).await, open(&one, &carol, 4).await);
    fill(&hall).await;
    until_full(&first, &hall).await;
    until_full(&second, &hall).await;
    hall.pass(LEASE).await;
    assert_eq!(states(&other, &alice).await, [SessionState::Live; 2], "leases are held");
    let parked = one.engine.depart(goes.fenced, Departure::Park).await;
    assert_eq!(parked, Ok(Departed::Parked));
    let back = place(&other, Proof::Resume(goes.token, goes.joined), 5).await;
    assert!(back.expect("it may come back").resumed);
    let touched = one.engine.touch(stays.fenced, Touch::Active).await;
    assert_eq!(touched, Ok(()));
    let kick = Ending::Session(kicked.fenced.session);
    let ended = one.engine.end(&kick, CloseCode::ClosedByBackend).await;
    assert_eq!(ended.map(|ended| ended.len()), Ok(1));
    let block = one.engine.block(&carol, Blocking::Set(None)).await;
    let block = block.map(|ended| ended.iter().map(|one| one.session).collect::<Vec<_>>());
    assert_eq!(block, Ok(vec![blocked.fenced.session]));
    let refused = place(&other, Proof::Resume(blocked.token, blocked.joined), 6).await;
    assert_eq!(refused, Err(NotAdmitted::Refused(CloseCode::Forbidden)));
    first.leave().await.expect("it says goodbye");
    hall.stop("n0");
    assert_eq!(states(&other, &alice).await, [SessionState::Parked, SessionState::Live]);
    assert_eq!(other.sweep().await, []);
    place(&other, Proof::Resume(stays.token, stays.joined), 7).await.expect("it may come back");
    give_room(&hall).await;
    until_here(&second).await;
    let sent = other.engine.append(&alice, draft(1)).await.expect("there is room");
    assert_eq!((sent.live, sent.parked), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_starts_and_comes_back_where_memory_is_full() {
    let hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    open(&node, &alice, 1).await;
    fill(&hall).await;
    until_full(&engine, &hall).await;
    let held = hall.server.hold().await;
    let mut health = engine.health();
    drop(health.wait_for(|health| !health.is_here()).await.expect("it is noticed"));
    drop(held);
    until_full(&engine, &hall).await;
    assert_eq!(states(&node, &alice).await, [SessionState::Live]);
    let (mailboxes, _shards) = Mailboxes::new(SHARDS, ROOM);
    let me = Arc::new(NodeRef { id: "n1".into(), generation: 1 });
    let connected = Redis::connect(&hall.options(), mailboxes, me, hall.terms()).await;
    let (late, tasks) = connected.expect("what it needs is there");
    let running = tokio::spawn(tasks.run());
    until_full(&late, &hall).await;
    running.abort();
}

#[tokio::test]
async fn a_redis_that_was_full_before_anything_was_kept_is_refused() {
    let server = Server::start(&["--maxmemory", "1"]).await;
    let (mailboxes, _) = Mailboxes::new(1, 16);
    let me = Arc::new(NodeRef { id: "n".into(), generation: 1 });
    let connected = Redis::connect(&options(&server.url()), mailboxes, me, Terms::default()).await;
    let full = Refused::Full { at: server.at() };
    assert_eq!(connected.map(drop), Err(full));
}
