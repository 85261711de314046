//! Descriptors: a node that gets too few of them does not start, rather than serve some of its users.
//!
//! In a process of its own, which is this program once more with one test to run.

use std::{env, fs::File, process::Command};

use serde_json::json;
use server::{
    config::Config,
    serve::{self, Failed},
};
use tokio::runtime::Builder;

use crate::node::{Node, config, free};

const SHARDS: usize = 4;

/// Enough users that each shard has some.
const USERS: usize = 32;

#[test]
fn a_node_that_is_up_has_all_its_shards() {
    let program = env::current_exe().unwrap();
    let half = "exec \"$0\" --exact descriptors::one_more_each_time --ignored --nocapture";
    let limited = format!("ulimit -n 256 && {half}");
    let ended = Command::new("sh").args(["-c", &limited]).arg(program).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
#[ignore = "it uses up all descriptors; another test runs it in a process of its own"]
fn one_more_each_time() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for left in 0.. {
        let listener = free();
        let mut taken = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            taken.push(file);
        }
        taken.truncate(taken.len() - left);
        let running = match serve::start(Config { shards: SHARDS, ..config() }, vec![listener]) {
            Ok(running) => running,
            Err(Failed::Start(_)) => continue,
            Err(other) => panic!("{other}"),
        };
        drop(taken);
        assert!(left > SHARDS, "it cannot do with {left}");
        let address = running.addresses()[0];
        let node = Node { running, address };
        runtime.block_on(async {
            for user in 0..USERS {
                node.join_with(&json!({"user": format!("user-{user}")})).await.in_step().await;
            }
        });
        node.running.stop();
        return;
    }
}
