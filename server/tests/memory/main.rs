//! What an idle session costs in bytes that are allocated.
//!
//! A program of its own, since it has an allocator that counts. The other ends of the sessions are
//! bare sockets in a list that was made before, so that what is counted is the node's. Bytes that
//! are asked for are the same on any machine and on any day, unlike memory that is resident; so if
//! a session comes to cost more, this says so, and `usher bench idle` says how much that is in
//! memory.
//!
//! Not here: what the operating system keeps for a socket, and what an allocator adds.

#![expect(clippy::unwrap_used, reason = "a test ends where it does not get what it needs")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use peak_alloc::PeakAlloc;
use protocol::{http::TicketRequest, id::Ticket, name::UserId};
use server::{
    config::{Config, Drain, Key, Limits},
    serve::{self, Running},
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Sessions that are there before: what there is once, and lists that hold the last thousand of
/// something, are complete then.
const BEFORE: usize = 1100;

/// Sessions that are measured.
const MEASURED: usize = 2000;

/// The most that one may cost: about a third more than what it does cost. In it are its share of
/// tables that grow by doubling, and what is remembered of its ticket for a while.
const BYTES_MAX: usize = 1080;

/// The least that one can cost. Less would mean that something else was counted.
const BYTES_MIN: usize = 400;

/// A masked frame with `{"type":"ping"}`; the mask is zero, so that it can be read here.
const PING: &[u8] = b"\x81\x8f\0\0\0\0{\"type\":\"ping\"}";

/// What answers it.
const PONG: &[u8] = b"\x81\x0f{\"type\":\"pong\"}";

#[test]
fn an_idle_session_costs_no_more_bytes_than_it_did() {
    let needed = u64::try_from(2 * (BEFORE + MEASURED) + 200).unwrap();
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(descriptors >= needed, "this test needs {needed} descriptors, not {descriptors}");
    let config = Config {
        listen: Vec::new(),
        keys: vec![Key::new("test", "a-key-for-tests-and-nothing-else").unwrap()],
        shards: 2,
        drain: Drain { window: Duration::ZERO, delay: Duration::ZERO },
        limits: Limits { admissions: 1_000_000, ..Limits::default() },
        ..Config::default()
    };
    let listener = serve::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let running = serve::start(config, vec![listener]).unwrap();
    let mut sessions = Vec::with_capacity(BEFORE + MEASURED);
    sessions.extend((0..BEFORE).map(|number| join(&running, number)));
    let before = allocated(&mut sessions);
    sessions.extend((BEFORE..BEFORE + MEASURED).map(|number| join(&running, number)));
    let after = allocated(&mut sessions);
    let each = (after - before) / MEASURED;
    println!("an idle session costs {each} bytes");
    assert!((BYTES_MIN..=BYTES_MAX).contains(&each), "an idle session costs {each} bytes");
    drop(sessions);
    running.stop();
}

/// Bytes that are allocated when every session has said something and was answered, so that nothing
/// of the opening of any of them is still under way.
fn allocated(sessions: &mut [TcpStream]) -> usize {
    for session in &mut *sessions {
        session.write_all(PING).unwrap();
        let mut pong = [0; PONG.len()];
        session.read_exact(&mut pong).unwrap();
        assert_eq!(pong, PONG);
    }
    ALLOCATOR.current_usage()
}

/// A session of a user of its own, which has got its `welcome`.
fn join(running: &Running, number: usize) -> TcpStream {
    let ticket = ticket(running, number);
    let mut socket = TcpStream::connect(running.addresses()[0]).unwrap();
    let head = format!(
        "GET /v1/connect HTTP/1.1\r\nHost: usher\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: usher.v1, ticket.{ticket}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let (mut answer, mut length) = ([0; 2048], 0);
    // Nothing follows the object of the `welcome`.
    while !answer[..length].ends_with(b"}") {
        let read = socket.read(&mut answer[length..]).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer[..length]));
        length += read;
    }
    assert!(answer.windows(9).any(|part| part == b"\"welcome\""));
    socket
}

fn ticket(running: &Running, number: usize) -> Ticket {
    let user = UserId::parse(&format!("user-{number}")).unwrap();
    running.block_on(running.node().mint(TicketRequest::new(user))).unwrap().ticket
}
