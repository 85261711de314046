//! Sentinel: the contract, a primary that is lost, and Sentinels that do not help.

use super::{failover::Before, *};

/// A primary, its replica, and three who guard them.
struct Guarded {
    primary: Server,
    _replica: Server,
    guards: Vec<Server>,
}

impl Ground for Guarded {
    fn url(&self) -> String {
        let places: Vec<String> = self.guards.iter().map(Server::at).collect();
        format!("redis+sentinel://{}/main", places.join(","))
    }
}

async fn start() -> Guarded {
    let settings = ["--repl-diskless-sync-delay", "0"];
    let primary = Server::start(&settings).await;
    let port = primary.port().to_string();
    let settings = [&settings[..], &["--replicaof", "127.0.0.1", &port]].concat();
    let replica = Server::start(&settings).await;
    let lines = format!(
        "sentinel monitor main 127.0.0.1 {port} 2\nsentinel down-after-milliseconds main 1000\n\
         sentinel failover-timeout main 5000"
    );
    let mut guards = Vec::new();
    for _ in 0..3 {
        guards.push(Server::guard(&lines).await);
    }
    for guard in &guards {
        until("each knows the replica and the others", || async {
            let info: String = guard.tell("INFO sentinel").await;
            info.contains("slaves=1,sentinels=3")
        })
        .await;
    }
    let _set: String = primary.tell("SET x 1").await;
    let replicas: u32 = primary.tell("WAIT 1 10000").await;
    assert_eq!(replicas, 1);
    Guarded { primary, _replica: replica, guards }
}

async fn hall(guarded: Arc<Guarded>) -> Hall<Arc<Guarded>> {
    room(guarded)
}

crate::suite!(at_once start hall);

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_lost_is_replaced_by_its_replica() {
    let mut hall = Hall::at(start().await, "usher:");
    let (engine, mut node) = hall.engine("n0").await;
    let (_, other) = hall.engine("n1").await;
    let alice = user("alice");
    let before = Before::at(&mut node, &other, &alice).await;
    let replicas: u32 = hall.server.primary.tell("WAIT 1 10000").await;
    assert_eq!(replicas, 1);
    hall.server.primary.kill().await;
    until_lost(&engine).await;
    until_here(&engine).await;
    before.is_not_good_twice(&mut node, &other).await;
}

#[tokio::test]
async fn sentinels_that_cannot_help_say_why() {
    let server = Server::start(&[]).await;
    let lines = format!("sentinel monitor main 127.0.0.1 {} 1\nrequirepass secret", server.port());
    let guard = Server::guard(&lines).await;
    let (at, of) = (guard.at(), server.at());
    let ask = |rest: &str| options(&format!("redis+sentinel://{at}/{rest}"));
    let line = refusal(&ask("main")).await;
    assert_eq!(line, format!("Redis at {at} wants a password, and engine.url has none for it"));
    let line = refusal(&ask("mian?sentinel=:secret")).await;
    let expected = format!(
        "the Sentinel at {at} knows no \"mian\"; see to the name behind the / of engine.url"
    );
    assert_eq!(line, expected);
    let line = refusal(&options(&format!("redis+sentinel://{of}/main"))).await;
    let expected = format!(
        "Redis at {of} is no Sentinel; write the Sentinels, or redis://host:port, in engine.url"
    );
    assert_eq!(line, expected);
    let line = refusal(&options(&format!("redis://:secret@{at}"))).await;
    let expected =
        format!("Redis at {at} is a Sentinel; write redis+sentinel://host:port/name in engine.url");
    assert_eq!(line, expected);
    let (mailboxes, _) = Mailboxes::new(1, 16);
    let me = Arc::new(NodeRef { id: "n".into(), generation: 1 });
    let way = ask("main?sentinel=:secret");
    let connected = Redis::connect(&way, mailboxes, me, Terms::default()).await;
    assert!(connected.is_ok(), "with its password it tells");
}
