//! Panics: a bug in a shard ends the process, a bug in a call ends the call.
//!
//! Each runs in a process of its own, which is this program once more with one test to run.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
};

use serde_json::{Value, json};
use server::{panics, serve};

use crate::{
    faulty::{Fault, Faulty, Step},
    node::{Node, config},
};

const SIGABRT: i32 = 6;

/// Runs the other half of a test.
fn in_a_process_of_its_own(half: &str) -> Output {
    let program = std::env::current_exe().unwrap();
    let name = format!("panics::{half}");
    Command::new(program).args(["--exact", &name, "--ignored", "--nocapture"]).output().unwrap()
}

/// A node as the binary runs it, for which panics are not counted.
fn with_bug(test: impl AsyncFnOnce(&Node, &Faulty)) {
    panics::end_the_process();
    let (config, mut engine) = (config(), None);
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let running = serve::start_on(config.clone(), vec![listener], |mailboxes| {
        engine.insert(Faulty::new(&config, mailboxes)).clone()
    });
    let running = running.unwrap();
    let address = running.addresses()[0];
    let node = Node { running, address };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&node, &engine.unwrap()));
    node.running.stop();
}

#[test]
fn a_panic_in_a_shard_ends_the_process_and_leaves_no_session_behind() {
    let ended = in_a_process_of_its_own("a_shard_panics");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{told}");
    assert!(told.contains("usher-shard-") && told.contains("the engine has a bug"), "{told}");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("alice is there") && !said.contains("it went on"), "{said}");
}

#[test]
#[ignore = "it ends its process; another test runs it in one of its own"]
fn a_shard_panics() {
    with_bug(async |node, engine| {
        let mut alice = node.join("alice").await;
        alice.in_step().await;
        println!("alice is there");
        engine.next(Step::Read, [Some(Fault::Panic)]);
        let ticket = node.ticket(&json!({"user": "alice"})).await;
        node.dial("", &format!("usher.v1, ticket.{ticket}")).await.next().await;
        println!("it went on");
    });
}

#[test]
fn a_panic_in_a_call_costs_that_call_and_nothing_else() {
    let ended = in_a_process_of_its_own("a_call_panics");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}");
    assert!(told.contains("usher-http") && told.contains("the engine has a bug"), "{told}");
}

#[test]
#[ignore = "it panics; another test runs it in a process of its own"]
fn a_call_panics() {
    with_bug(async |node, engine| {
        let mut alice = node.join("alice").await;
        engine.next(Step::Append, [Some(Fault::Panic)]);
        let mut caller = node.caller().await;
        let body = json!({"data": 1}).to_string();
        let head = format!(
            "POST /v1/users/alice/messages HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            crate::node::KEY,
            body.len()
        );
        caller.write(head.as_bytes()).await;
        caller.closed().await;
        node.send("alice", &json!({"data": 2})).await;
        assert_eq!(alice.messages(1).await, [Value::from(2)]);
        alice.in_step().await;
    });
}
