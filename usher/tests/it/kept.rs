//! Kept: what becomes of people when Redis is killed, by what it wrote to its disk before.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    crowd::{Member, Welcomed, threads},
    nodes::{Fleet, is_ready, sessions},
    program::until,
    redis::Redis,
    supervised::Api,
};

/// A session without a socket, and what it has to offer to come back.
struct Parked {
    session: String,
    resume: String,
}

/// All that a session gets when it comes back, and its messages were in doubt.
async fn resumes_with_a_gap(api: &Api, parked: &Parked) {
    let mut back = Welcomed::dial(api.address, &parked.resume).await;
    assert_eq!(back.session, parked.session);
    assert_eq!(back.member.typed("gap").await["reason"], "epoch");
}

/// Opens a session whose socket is lost again.
async fn parked(api: &Api, user: &str) -> Parked {
    let session = Welcomed::dial(api.address, &api.offer(&json!({"user": user}))).await;
    let Welcomed { member, session, token, position } = session;
    let resume = format!("usher.v1, resume.{token}, after.{position}");
    drop(member);
    until("it is parked", || {
        api.ask("GET", &format!("/v1/users/{user}"), &Value::Null)["parked"] == 1
    });
    Parked { session, resume }
}

fn send(api: &Api, user: &str, key: &str) -> Value {
    let body = json!({"data": key});
    let (status, sent) = api.call_again("POST", &format!("/v1/users/{user}/messages"), key, &body);
    assert_eq!(status, 200, "{sent}");
    sent
}

fn killed(fleet: &mut Fleet, meanwhile: impl FnOnce(&Path)) {
    fleet.redis.kill();
    until("it is unready", || !is_ready(&fleet.nodes[0]));
    meanwhile(&fleet.redis.folder);
    fleet.redis.rise();
    until("it is ready", || is_ready(&fleet.nodes[0]));
}

#[test]
fn a_redis_that_writes_all_to_its_disk_is_killed_and_costs_nobody_a_session() {
    let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut fleet = Fleet::on(redis, 1);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[0]).clone();
        let mut alice = Welcomed::dial(api.address, &api.offer(&json!({"user": "alice"}))).await;
        let bob = parked(&api, "bob").await;
        assert_eq!(api.ask("PUT", "/v1/users/carol/block", &json!({}))["blocked"], true);
        let unused = api.offer(&json!({"user": "dave"}));
        let sent = send(&api, "alice", "one");
        assert_eq!(sent["durability"], "primary");
        assert_eq!(alice.member.typed("message").await["id"], sent["id"]);
        assert_eq!(send(&api, "bob", "two")["parked"], 1);

        killed(&mut fleet, |_| {});
        assert_eq!(alice.member.typed("gap").await["reason"], "epoch");
        assert_eq!(sessions(&api), json!({"live": 1, "parked": 1}));
        resumes_with_a_gap(&api, &bob).await;
        Member::dial(api.address, &unused).await.closed_with(4204).await;
        assert_eq!(api.call("POST", "/v1/tickets", &json!({"user": "carol"})).0, 403);
        assert_eq!(send(&api, "alice", "one")["id"], sent["id"], "it is known");
        let sent = send(&api, "alice", "three");
        assert_eq!(alice.member.typed("message").await["id"], sent["id"]);
    });
}

#[test]
fn a_redis_that_lost_what_it_wrote_last_costs_nobody_a_live_session() {
    let mut fleet = Fleet::on(Redis::start(&["--appendonly", "yes"]), 1);
    threads().block_on(async {
        let api: Api = (*fleet.nodes[0]).clone();
        let dial = |user: &str| {
            let offer = api.offer(&json!({"user": user}));
            async move { Welcomed::dial(api.address, &offer).await }
        };
        let (mut alice, henry) = (dial("alice").await, dial("henry").await);
        let bob = parked(&api, "bob").await;
        // As far as the disk had it when the power failed.
        let (log, had) = (fleet.redis.folder.join("appendonlydir"), "had");
        // It is told to write while it still looks whether that is on the disk.
        until("all is in the file", || {
            fleet.redis.tell("INFO persistence").contains("aof_buffer_length:0")
        });
        copy(&log, &fleet.redis.folder.join(had));
        let mut eve = dial("eve").await;
        let frank = parked(&api, "frank").await;
        henry.leave().await;
        until("henry has left", || sessions(&api) == json!({"live": 2, "parked": 2}));
        assert_eq!(api.ask("PUT", "/v1/users/grace/block", &json!({}))["blocked"], true);
        let sent = send(&api, "alice", "one");
        assert_eq!(alice.member.typed("message").await["id"], sent["id"]);

        killed(&mut fleet, |folder| {
            fs::remove_dir_all(&log).expect("it is there");
            fs::rename(folder.join(had), &log).expect("it is there");
        });
        for live in [&mut alice, &mut eve] {
            assert_eq!(live.member.typed("gap").await["reason"], "epoch");
        }
        until("henry is parked", || sessions(&api) == json!({"live": 2, "parked": 2}));
        resumes_with_a_gap(&api, &bob).await;
        Member::dial(api.address, &frank.resume).await.closed_with(4202).await;
        assert_eq!(api.call("POST", "/v1/tickets", &json!({"user": "grace"})).0, 201);
        let again = send(&api, "alice", "one");
        assert_ne!(again["id"], sent["id"], "that it was accepted before is not known any more");
        assert_eq!(alice.member.typed("message").await["id"], again["id"]);
    });
}

/// Copies a folder of files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("it can be made");
    for file in fs::read_dir(from).expect("it is there") {
        let file = file.expect("it can be listed");
        fs::copy(file.path(), to.join(file.file_name())).expect("it can be copied");
    }
}
