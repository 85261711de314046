//! A Redis that does not fit is refused in one line, and what is not ours is no answer.

use kernel::registry::Proof;
use protocol::grant::Policy;

use super::{stage::*, *};

pub(super) async fn refusal(options: &Options) -> String {
    let (mailboxes, _) = Mailboxes::new(1, 16);
    let me = Arc::new(NodeRef { id: "n".into(), generation: 1 });
    let connected = Redis::connect(options, mailboxes, me, Terms::default()).await;
    let line = connected.map(drop).expect_err("it does not fit").to_string();
    assert!(!line.contains('\n') && !line.contains("secret"), "{line}");
    line
}

#[tokio::test]
async fn c8_a_redis_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let line = refusal(&options(&server.url())).await;
    let expected = format!(
        "Redis at {} has maxmemory-policy allkeys-lru, which drops sessions and messages; set it \
         to noeviction",
        server.at()
    );
    assert_eq!(line, expected);
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_told() {
    let server = Server::start(&["--requirepass", "right"]).await;
    let at = server.at();
    let line = refusal(&options(&server.url())).await;
    assert_eq!(line, format!("Redis at {at} wants a password, and engine.url has none for it"));
    let wrong = options(&format!("redis://:secret@{at}"));
    let line = refusal(&wrong).await;
    assert!(line.starts_with(&format!("Redis at {at} does not let us in: ")), "{line}");
    assert!(line.ends_with("see to user and password in the engine's URL"), "{line}");
    assert!(!format!("{wrong:?}").contains("secret"));
    let options = options(&format!("redis://:right@{at}"));
    let (mailboxes, _) = Mailboxes::new(1, 16);
    let me = Arc::new(NodeRef { id: "n".into(), generation: 1 });
    let connected = Redis::connect(&options, mailboxes, me, Terms::default()).await;
    connected.expect("it is the right one");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let server = Server::start(&["--replicaof", "127.0.0.1", "1"]).await;
    let line = refusal(&options(&server.url())).await;
    let at = server.at();
    let expected = format!("Redis at {at} is a replica and takes no writes; name its primary");
    assert_eq!(line, expected);
}

#[tokio::test]
async fn c10_another_layout_is_refused() {
    let server = Server::start(&[]).await;
    let _set: String = server.tell("SET usher:layout 1024").await;
    let line = refusal(&options(&server.url())).await;
    let expected = format!(
        "Redis at {} keeps \"1024\" under usher:layout, and not \"usher 1, 256 partitions\"; use \
         another prefix, or delete what is under this one",
        server.at()
    );
    assert_eq!(line, expected);
}

#[tokio::test]
async fn nobody_there_is_refused() {
    let mut server = Server::start(&[]).await;
    let options = options(&server.url());
    server.kill().await;
    let line = refusal(&options).await;
    assert!(line.starts_with(&format!("Redis at {} does not answer: ", server.at())), "{line}");
}

#[tokio::test]
async fn a_redis_that_comes_back_unfit_is_not_used() {
    let mut hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    hall.server.kill().await;
    hall.server.set(&["--maxmemory-policy", "volatile-ttl"]);
    hall.server.rise().await;
    let policy = "volatile-ttl".to_owned();
    let why = Refused::Evicts { at: hall.server.at(), policy };
    let mut health = engine.health();
    let lost = health.wait_for(|health| *health == Health::Lost(Some(why.to_string()))).await;
    lost.expect("it says why");
    let minted = node.engine.mint(
        Ticket::new(Partition(0), 1),
        grant(&user("alice"), Policy::MULTI),
        hall.lease,
    );
    assert_eq!(minted.await, Err(Failed::NotDone.into()));
}

#[tokio::test]
async fn a_user_who_may_not_listen_is_told_so() {
    let server = Server::start(&[]).await;
    let user = "ACL SETUSER mute on >right resetchannels ~* +@all";
    assert_eq!(server.tell::<String>(user).await, "OK");
    let options = options(&server.url().replace("://", "://mute:right@"));
    let (mailboxes, _shards) = Mailboxes::new(SHARDS, ROOM);
    let me = Arc::new(NodeRef { id: "n0".into(), generation: 1 });
    let (engine, tasks) = Redis::connect(&options, mailboxes, me, Terms::default()).await.unwrap();
    let running = tokio::spawn(tasks.run());
    let says = |health: &Health| match health {
        Health::Lost(Some(why)) => why.contains("NOPERM") && !why.contains("right"),
        Health::Lost(None) | Health::Partly(..) | Health::Full(..) | Health::Here => false,
    };
    let told = tokio::time::timeout(SOON, engine.health().wait_for(says)).await.is_ok();
    running.abort();
    assert!(told);
}

#[tokio::test]
async fn a_prefix_that_would_choose_the_slot_is_refused() {
    let options = Options { prefix: "{x}".to_owned(), ..options("redis://localhost") };
    assert_eq!(
        refusal(&options).await,
        "the engine's prefix must have no braces and at most 64 bytes"
    );
}

#[tokio::test]
async fn c10_what_is_not_ours_under_our_layout_is_refused_by_its_key() {
    let server = Server::start(&[]).await;
    let _set: u32 = server.tell("HSET usher:layout a b").await;
    let key = "usher:layout".to_owned();
    let foreign = Refused::Foreign { at: server.at(), key };
    assert_eq!(refusal(&options(&server.url())).await, foreign.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_what_is_not_ours_in_one_partition_harms_no_other_and_is_told_by_its_key() {
    let mut hall = Hall::on(&[]).await;
    hall.lease = Duration::from_secs(3);
    let (engine, node) = hall.engine("n0").await;
    let (alice, bob) = (user("alice"), user("bob"));
    let (partition, at) = (Partition::of(&alice), hall.server.at());
    assert_ne!(partition, Partition::of(&bob));
    let (lease, mail) = (engine.keys.lease(partition), engine.keys.mail(partition));
    let me = engine.me.to_string();
    let all = engine.keys.all_of(partition);
    open(&node, &alice, 1).await;
    open(&node, &bob, 2).await;
    for (words, key) in [
        (&["SET", &lease, "x"][..], &lease),
        (&["SET", &mail, "x"], &mail),
        (&["HSET", &lease, &me, "x"], &all),
        (&["HSET", &mail, &me, "x"], &all),
    ] {
        let _set: redis::Value = hall.server.ask(redis::cmd(words[0]).arg(&words[1..])).await;
        let foreign = Refused::Foreign { at: at.clone(), key: key.clone() }.to_string();
        let lost = Health::Partly(1, Some(foreign));
        engine.health().wait_for(|health| *health == lost).await.expect("it is told");
        assert_eq!(node.engine.append(&alice, draft(1)).await, Err(Failed::Unknown.into()));
        send(&node, &bob, 2).await;
        let _gone: u32 = hall.server.ask(redis::cmd("DEL").arg(&lease).arg(&mail)).await;
        until_here(&engine).await;
    }
    send(&node, &alice, 3).await;
}

#[tokio::test]
async fn who_is_no_redis_or_forbids_too_much_is_refused() {
    let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let at = door.local_addr().expect("it has one");
    let speaks = tokio::spawn(async move {
        while let Ok((mut socket, _)) = door.accept().await {
            let says = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut socket, says).await.expect("it reads");
        }
    });
    let line = refusal(&options(&format!("redis://{at}"))).await;
    assert_eq!(line, format!("Redis at {at} cannot be used: what answers is no Redis"));
    speaks.abort();
    let server = Server::start(&[]).await;
    let user = "ACL SETUSER weak on >secret ~* &* +@all -info";
    assert_eq!(server.tell::<String>(user).await, "OK");
    let line = refusal(&options(&server.url().replace("://", "://weak:secret@"))).await;
    assert!(line.contains("NOPERM") && line.ends_with("an ACL that suffices"), "{line}");
}

#[tokio::test]
async fn c10_foreign_values_under_our_keys_are_no_answer() {
    let hall = Hall::on(&[]).await;
    let (engine, node) = hall.engine("n0").await;
    let alice = user("alice");
    let partition = Partition::of(&alice);
    let key = engine.keys.user(partition, Some(&alice));
    let fields = ["e", "9", "n", "1", "f", "1", "r", "x", "h", "[[", "c:x", "{", "j:x", "1 1"];
    for words in [
        &["SET", &key, "x"][..],
        &["HSET", &key, "e", "x"],
        &[&["HSET", &key], &fields[..]].concat(),
    ] {
        let _cleared: u32 = hall.server.ask(redis::cmd("DEL").arg(&key)).await;
        let _set: redis::Value = hall.server.ask(redis::cmd(words[0]).arg(&words[1..])).await;
        let sent = node.engine.append(&alice, draft(1)).await;
        // Nobody may be told that a message was accepted for somebody.
        let told = sent.is_ok_and(|sent| sent.position.is_some() || sent.live + sent.parked > 0);
        assert!(!told, "{words:?}");
        let ticket = Ticket::new(partition, 1);
        let listed = node.engine.sessions(&Query::User(alice.clone())).await;
        assert_eq!(listed, Err(Failed::NotDone), "{words:?}");
        let minted = node.engine.mint(ticket, grant(&alice, Policy::MULTI), hall.lease).await;
        assert_eq!(minted, Err(Failed::NotDone.into()), "{words:?}");
    }
    let _cleared: u32 = hall.server.ask(redis::cmd("DEL").arg(&key)).await;
    open(&node, &alice, 2).await;
    let ticket = Ticket::new(partition, 3);
    let key = engine.keys.ticket(shade::ticket(ticket));
    let _set: String = hall.server.ask(redis::cmd("SET").arg(key).arg("{}")).await;
    let tried = place(&node, Proof::Ticket(ticket, None), 3).await;
    assert_eq!(tried, Err(NotAdmitted::Failed(Failed::NotDone)));
}
