//! Fleet: several nodes on one Redis, which behave as one, also when one of them or Redis fails.
//!
//! Real processes, killed by real signals.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    crowd::{Member, Welcomed, threads},
    nodes::{Fleet, is_parked, is_ready, names, node, sessions},
    people::{Backend, judge, people},
    program::{until, usher},
    redis::Redis,
    supervised::{Api, Supervised, UNLIMITED, serve},
};

#[test]
fn sessions_are_listed_sent_to_and_ended_from_any_node() {
    let fleet = Fleet::of(3);
    let [first, second, third] = &fleet.nodes[..] else { panic!("there are three") };
    threads().block_on(async {
        let mut one = Welcomed::dial(first.address, &third.offer(&json!({"user": "alice"}))).await;
        let offer = third.offer(&json!({"user": "alice", "device": "phone"}));
        let mut two = Welcomed::dial(second.address, &offer).await;
        let sent = third.ask("POST", "/v1/users/alice/messages", &json!({"data": "hi"}));
        assert_eq!((&sent["matched"], &sent["live"]), (&json!(2), &json!(2)));
        assert_eq!(sent["durability"], "primary");
        for session in [&mut one, &mut two] {
            assert_eq!(session.member.typed("message").await["id"], sent["id"]);
        }
        let list = first.ask("GET", "/v1/users/alice/sessions", &Value::Null);
        let nodes: Vec<_> = list["items"].as_array().unwrap().iter().map(|s| &s["node"]).collect();
        assert_eq!(nodes, ["n0", "n1"]);
        assert_eq!(second.ask("GET", "/v1/stats", &Value::Null)["nodes"], 3);

        let sent = first.ask("POST", "/v1/messages", &json!({"everyone": true, "data": "all"}));
        assert_eq!(sent["nodes"], 3);
        for session in [&mut one, &mut two] {
            assert_eq!(session.member.typed("message").await["data"], "all");
        }
        let path = format!("/v1/sessions/{}", two.session);
        assert_eq!(third.ask("DELETE", &path, &Value::Null)["closed"], 1);
        two.member.typed("closing").await;
        two.member.closed_with(4410).await;
        assert_eq!(second.ask("PUT", "/v1/users/alice/block", &json!({}))["closed"], 1);
        one.member.typed("closing").await;
        one.member.closed_with(4403).await;
        assert_eq!(third.call("POST", "/v1/tickets", &json!({"user": "alice"})).0, 403);
    });
}

#[test]
fn one_place_is_held_by_one_session_whatever_the_node() {
    let fleet = Fleet::of(2);
    let [first, second] = &fleet.nodes[..] else { panic!("there are two") };
    threads().block_on(async {
        let single = json!({"user": "alice", "policy": "single"});
        let mut old = Welcomed::dial(first.address, &second.offer(&single)).await;
        let new = Welcomed::dial(second.address, &first.offer(&single)).await;
        let closing = old.member.typed("closing").await;
        assert_eq!(closing["by"]["session"], new.session);
        old.member.closed_with(4409).await;
        Member::dial(second.address, &old.resume()).await.closed_with(4409).await;

        // Who is there keeps the place, if that is the policy.
        let policy = json!({"max": 1, "per": "user", "when_full": "reject"});
        let offer = first.offer(&json!({"user": "alice", "policy": policy}));
        Member::dial(first.address, &offer).await.closed_with(4423).await;
    });
}

#[test]
fn a_node_that_is_killed_is_made_up_for_by_the_others() {
    let mut fleet = Fleet::of(3);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[2]).clone();
        let people = people(&fleet, 12, &api).await;
        let of_first = api.ask("GET", "/v1/sessions?node=n0", &Value::Null);
        assert_ne!(of_first["items"], json!([]), "nobody is on the node that is killed");
        let backend = Backend::start(&api, &people);
        backend.is_under_way();
        fleet.nodes[0].program.kill();
        let killed = Instant::now();
        until("it is not listed any more", || !names(&api).contains_key("n0"));
        assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
        let all = json!({"live": people.len(), "parked": 0});
        until("everybody is back", || sessions(&api) == all);
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0, "nothing was lost, so there is no gap");
        let left = api.ask("GET", "/v1/sessions", &Value::Null);
        assert_eq!(left["items"], json!([]), "a ghost");
    });
}

#[test]
fn a_node_goes_away_when_another_is_asked_to_tell_it() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 6, &api).await;
        let backend = Backend::start(&api, &people);
        assert_eq!(api.call("POST", "/v1/nodes/nobody/drain", &Value::Null).0, 404);
        let asked = api.ask("POST", "/v1/nodes/n0/drain", &Value::Null);
        assert_eq!((&asked["node"], &asked["state"]), (&json!("n0"), &json!("draining")));
        assert_eq!(fleet.nodes.remove(0).end().code, Some(0));
        until("it is not listed any more", || names(&api).len() == 1);
        let all = json!({"live": people.len(), "parked": 0});
        until("everybody is back", || sessions(&api) == all);
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        assert_eq!(judge(people, &senders).await, 0);
    });
}

#[test]
fn what_redis_does_not_deliver_is_made_up_for() {
    let fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        for _ in 0..20 {
            fleet.redis.tell("CLIENT KILL TYPE pubsub");
            backend.is_under_way();
        }
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        let senders = backend.stop();
        assert_eq!(judge(people, &senders).await, 0);
    });
}

#[test]
fn a_redis_that_dies_makes_nodes_unready_and_loses_nothing_in_silence() {
    let mut fleet = Fleet::of(2);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[1]).clone();
        let people = people(&fleet, 4, &api).await;
        let backend = Backend::start(&api, &people);
        backend.is_under_way();
        fleet.redis.kill();
        let killed = Instant::now();
        until("both are unready", || fleet.nodes.iter().all(|node| !is_ready(node)));
        assert!(killed.elapsed() < Duration::from_secs(4), "{:?}", killed.elapsed());
        let sent = api.call("POST", "/v1/users/nobody/messages", &json!({"data": 1}));
        assert!(matches!(sent.0, 503 | 504), "{sent:?}");
        assert_eq!(api.call("POST", "/v1/tickets", &json!({"user": "alice"})).0, 503);
        assert_eq!(api.call("GET", "/livez", &Value::Null).0, 200);
        fleet.redis.rise();
        until("both are ready", || fleet.nodes.iter().all(|node| is_ready(node)));
        let all = json!({"live": people.len(), "parked": 0});
        until("everybody is back", || sessions(&api) == all);
        let senders = backend.stop();
        for person in &people {
            assert_eq!(person.tickets.load(Ordering::Relaxed), 1, "{}", person.name);
        }
        // It kept nothing on disk, so all of its past is lost, and everybody is told.
        assert!(judge(people, &senders).await >= 4);
    });
}

#[test]
fn sessions_are_sent_away_when_redis_stays_away_for_the_grace() {
    let mut redis = Redis::start(&[]);
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_ENGINE__URL", redis.url())
        .env("USHER_SESSION__RESUME_WINDOW", "3s")
        .env("USHER_DRAIN__WINDOW", "1s");
    let node = Supervised::start(&mut command);
    threads().block_on(async {
        let offer = node.offer(&json!({"user": "alice"}));
        let mut alice = Welcomed::dial(node.address, &offer).await;
        redis.kill();
        // It is tried again each second meanwhile, and refused.
        alice.member.typed("closing").await;
        alice.member.closed_with(4000).await;

        redis.rise();
        until("it is ready", || is_ready(&node));
        let mut bob = Welcomed::dial(node.address, &node.offer(&json!({"user": "bob"}))).await;
        let sent = node.ask("POST", "/v1/users/bob/messages", &json!({"data": "hi"}));
        assert_eq!(bob.member.typed("message").await["id"], sent["id"]);
    });
}

#[test]
fn sessions_are_sent_away_by_a_node_that_is_cut_off_from_their_one_of_several_servers() {
    let servers = [(); 3].map(|()| Redis::start(&[]));
    // Each node is somebody else to the servers, so that one of them can be kept out.
    let nodes = ["n0", "n1"].map(|name| {
        for server in &servers {
            server.tell(&format!("ACL SETUSER {name} on >{name} ~* &* +@all"));
        }
        let urls = servers.each_ref().map(|one| format!("redis://{name}:{name}@{}", one.at()));
        let mut command = serve(UNLIMITED);
        command
            .env("USHER_NODE__NAME", name)
            .env("USHER_ENGINE__URL", urls.join(","))
            .env("USHER_ENGINE__LEASE", "4s")
            .env("USHER_SESSION__RESUME_WINDOW", "12s")
            .env("USHER_DRAIN__WINDOW", "2s");
        Supervised::start(&mut command)
    });
    let [first, second] = &nodes;
    until("they know of each other", || nodes.iter().all(|node| names(node).len() == 2));
    threads().block_on(async {
        // Enough that each server has some of them.
        let mut people = Vec::new();
        for n in 0..24 {
            let user = format!("u{n}");
            let offer = second.offer(&json!({"user": user}));
            people.push((user, Welcomed::dial(first.address, &offer).await));
        }
        servers[1].tell("ACL SETUSER n0 off");
        servers[1].tell("CLIENT KILL USER n0");
        let there = servers[1].list("KEYS *:user:*");
        let is_there = |user: &str| there.iter().any(|key| key.ends_with(&format!(":{user}")));
        let (lost, kept): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|(user, _)| is_there(user));
        until("they are taken for lost", || lost.iter().all(|(user, _)| is_parked(second, user)));
        assert!(!lost.is_empty(), "that server has nobody");
        assert!(is_ready(first), "most users are served");
        assert!(!kept.is_empty(), "the other servers have nobody");
        for (user, mut session) in lost {
            session.member.typed("closing").await;
            let mut again = Welcomed::dial(second.address, &session.resume()).await;
            assert_eq!(again.session, session.session);
            again.member.typed("caught_up").await;
            let path = format!("/v1/users/{user}/messages");
            let sent = second.ask("POST", &path, &json!({"data": "hi"}));
            assert_eq!(again.member.typed("message").await["id"], sent["id"]);
            session.member.closed_with(4000).await;
        }
        for (user, mut session) in kept {
            let path = format!("/v1/users/{user}/messages");
            let sent = second.ask("POST", &path, &json!({"data": "hi"}));
            assert_eq!(session.member.typed("message").await["id"], sent["id"]);
        }
    });
}

#[test]
fn that_one_of_several_servers_is_away_is_said_once_and_not_with_each_step() {
    let kept = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut servers = [(); 3].map(|()| Redis::start(&kept));
    let mut command = serve(UNLIMITED);
    command
        .env("USHER_ENGINE__URL", servers.each_ref().map(Redis::url).join(","))
        .env("USHER_SESSION__RESUME_WINDOW", "1s");
    let mut node = Supervised::start(&mut command);
    let api: Api = (*node).clone();
    let users: Vec<String> = (0..24).map(|n| format!("u{n}")).collect();
    threads().block_on(async {
        let mut crowd = Vec::new();
        for user in &users {
            crowd.push(Welcomed::dial(api.address, &api.offer(&json!({"user": user}))).await);
        }
        servers[1].kill();
        node.program.line_with("the engine is lost for the users of some partitions");
        // Each leaves a step that the engine is to take.
        drop(crowd);
        let is_kept =
            |user: &&String| api.call("GET", &format!("/v1/users/{user}"), &Value::Null).0 == 200;
        let kept = users.iter().filter(is_kept).count();
        assert!((1..users.len()).contains(&kept), "{kept} are on the others");
        let (mut swept, mut warned) = (0, Vec::new());
        let mut heard = |line: String| {
            swept += usize::from(line.contains("user.offline"));
            if line.contains(" WARN ") || line.contains(" ERROR ") {
                warned.push(line);
            }
            swept
        };
        while heard(node.program.line()) < kept {}
        servers[1].rise();
        // Those who left on the lost one are parked at last, and swept as well.
        while heard(node.program.line()) < users.len() {}
        assert!(warned.len() < 10, "{warned:#?}");
    });
}

#[test]
fn c8_a_redis_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
    let redis =
        Redis::start(&["--requirepass", "an-open-secret", "--maxmemory-policy", "allkeys-lru"]);
    let refused = |url: &str, why: &str| {
        let mut command = usher(&["serve", "--listen", "127.0.0.1:0", "--engine", url]);
        command.env("USHER_KEY", crate::served::KEY);
        let ended = crate::program::run(&mut command, "");
        assert_ne!(ended.code, Some(0), "{url}");
        let said = ended.err + &ended.out;
        assert!(said.contains(why), "{url}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!said.contains("secret"), "{said}");
    };
    let at = redis.at();
    refused(&format!("redis://{at}"), "password");
    refused(&format!("redis://:a-wrong-secret@{at}"), "password");
    refused(&format!("redis://:an-open-secret@{at}"), "noeviction");
    refused("redis://:an-open-secret@127.0.0.1:1", "does not answer");
    refused("redis://no host", "must be");
    refused("http://secret", "must be");
}

#[test]
fn c13_two_nodes_of_one_name_both_run_and_say_so() {
    let redis = Redis::start(&[]);
    let mut nodes = [(); 2].map(|()| node("twin", &redis.url()));
    // The other one may have said so before it listened.
    nodes[0].program.line_with("another process has this node's name");
    let [first, second] = &nodes;
    let list = first.ask("GET", "/v1/nodes", &Value::Null);
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 2, "{list}");
    assert_ne!(items[0]["generation"], items[1]["generation"]);
    threads().block_on(async {
        let mut sessions = Vec::new();
        for node in &nodes {
            let offer = first.offer(&json!({"user": "alice"}));
            sessions.push(Welcomed::dial(node.address, &offer).await);
        }
        let sent = second.ask("POST", "/v1/users/alice/messages", &json!({"data": 1}));
        assert_eq!(sent["live"], 2);
        for session in &mut sessions {
            assert_eq!(session.member.typed("message").await["id"], sent["id"]);
        }
    });
}
