//! Crowds: sockets that say nothing or hear nothing, as many as a stranger likes, and the others
//! meanwhile.

use std::{
    fs,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kernel::rate::Rate;
use serde_json::{Value, json};
use server::{
    config::{Config, Limits},
    serve::Listeners,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    call::Caller,
    node::{Node, config, free, text, with_listeners, with_node},
    peer::{Peer, Session, handshake},
};

/// More than there is room for at one door, or for HTTP.
const MANY: usize = 4500;

/// Far less than a socket may be silent.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Less than a call that is under way may take, and time for the crowd's own calls.
const SOON: Duration = Duration::from_secs(10);

/// One crowd at a time, where this process may have so many sockets, both ends of each.
#[expect(clippy::print_stdout, reason = "who skips a test says so")]
fn alone() -> Option<MutexGuard<'static, ()>> {
    static ALONE: Mutex<()> = Mutex::new(());
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<usize>().ok());
    let enough = soft.is_some_and(|soft| soft > 2 * MANY + 1000);
    if !enough {
        println!("SKIPPED: too few descriptors ({soft:?}); try `ulimit -n 20000`");
    }
    enough.then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Others are served as if nothing were.
async fn all_is_well(node: &Node) {
    let served = async {
        assert_eq!(node.call("GET", "/livez", &Value::Null).await.status, 200);
        let mut session = node.join("alice").await;
        session.in_step().await;
    };
    timeout(AT_ONCE, served).await.expect("others are served at once");
}

#[test]
fn h21_sockets_that_say_nothing_do_not_keep_others_out() {
    let Some(_alone) = alone() else { return };
    with_node(Config { shards: 1, ..config() }, async |node| {
        let mut busy = node.caller().await;
        busy.call("GET", "/livez", &Value::Null).await;
        let mut silent = Vec::new();
        for _ in 0..MANY {
            silent.push(timeout(AT_ONCE, TcpStream::connect(node.address)).await.unwrap());
        }
        all_is_well(node).await;
        drop(silent);

        // Kept open between calls.
        let mut idle = Vec::new();
        for number in 0..MANY {
            let mut caller = Caller::open(node.address).await;
            caller.write(b"GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n").await;
            if number % 1000 == 0 {
                all_is_well(node).await;
            }
            idle.push(caller);
        }
        all_is_well(node).await;
        // The longest idle gave way.
        busy.closed().await;
        assert_eq!(idle.len(), MANY);
    });
}

#[test]
fn a19_callers_that_do_not_read_their_answers_do_not_keep_others_out() {
    let Some(_alone) = alone() else { return };
    let listeners = Listeners { public: vec![free()], api: vec![free()] };
    with_listeners(Config { shards: 1, ..config() }, listeners, async |node| {
        let api = node.running.api_addresses()[0];
        let is_alive = async |address: SocketAddr| {
            assert_eq!(Caller::once(address, "GET", "/livez", "").await.status, 200);
        };
        let all_is_well = async || {
            let served = async {
                is_alive(node.address).await;
                is_alive(api).await;
                let request = json!({"user": "alice"});
                let reply = Caller::open(api).await.call("POST", "/v1/tickets", &request).await;
                let offer = format!("usher.v1, ticket.{}", text(&reply.json()["ticket"]));
                Session::welcomed(node.dial("", &offer).await).await.in_step().await;
            };
            timeout(SOON, served).await.expect("others are served soon");
        };
        // More than any buffer on the way holds.
        let requests = "GET /openapi.json HTTP/1.1\r\nHost: usher\r\n\r\n".repeat(30);
        let mut deaf = Vec::new();
        for number in 0..MANY {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            let mut caller = Caller::over(socket.connect(node.address).await.unwrap());
            caller.write(requests.as_bytes()).await;
            deaf.push(caller);
            if number % 250 == 249 {
                all_is_well().await;
            }
        }
        all_is_well().await;
        assert_eq!(deaf.len(), MANY);
    });
}

#[test]
fn h29_refused_peers_that_do_not_close_do_not_keep_others_out() {
    let Some(_alone) = alone() else { return };
    let failed_handshakes = Rate { per_second: 10_000, burst: 100_000 };
    let limits = Limits { failed_handshakes, ..Limits::default() };
    with_node(Config { shards: 1, limits, ..config() }, async |node| {
        let refused = handshake("?ticket=x&resume=y", &[("Sec-WebSocket-Protocol", "usher.v1")]);
        // Also where HTTP was spoken before.
        for before in ["", "GET /livez HTTP/1.1\r\nHost: usher\r\n\r\n"] {
            let mut staying = Vec::new();
            for _ in 0..MANY {
                let mut caller = Caller::open(node.address).await;
                if !before.is_empty() {
                    caller.write(before.as_bytes()).await;
                    assert_eq!(caller.response().await.status, 200);
                }
                caller.write(refused.as_bytes()).await;
                staying.push(caller);
            }
            all_is_well(node).await;
            // The longest there gave way.
            let mut first = Peer::answered(staying.swap_remove(0)).await.unwrap();
            timeout(AT_ONCE, async { while first.next().await.is_some() {} }).await.unwrap();
        }
    });
}
