//! Bench: what a node costs, measured on this machine.
//!
//! The node is a process of its own, so that its memory is its own; the load comes from this one,
//! from many loopback addresses, so that ports do not run out.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};

use protocol::{CONNECT_PATH, http::TicketReply, limit, name::UserId};
use serde_json::{Value, json};
use server::config::DEV_KEY;
use socket2::{Domain, Socket, Type};

use crate::{
    args::{Bench, BenchCommand, Format, Idle},
    failure::Failure,
    out,
};

/// Sessions opened from one source address: fewer than it has ports.
const SESSIONS_PER_ADDRESS: u32 = 10_000;

/// Sessions opened before the first reading, so that what is there once is not counted for each.
const WARM_UP: u32 = 200;

/// Descriptors of a process for other things than sessions.
const DESCRIPTORS_BESIDES: u64 = limit::DESCRIPTORS_KEPT as u64;

/// Measures.
pub(crate) fn run(args: &Bench) -> Result<(), Failure> {
    match &args.command {
        BenchCommand::Idle(args) => idle(args),
    }
}

fn idle(args: &Idle) -> Result<(), Failure> {
    let (descriptors, _) = rlimit::getrlimit(rlimit::Resource::NOFILE).map_err(Failure::failed)?;
    let needed = u64::from(WARM_UP + args.sessions) + DESCRIPTORS_BESIDES;
    if descriptors < needed {
        return Err(Failure::failed(format!(
            "{} sessions need {needed} descriptors, and this process may have {descriptors}; \
             raise the hard limit, or give --sessions",
            args.sessions
        )));
    }
    let node = Node::start()?;
    let mut minting = Minting::open(node.address)?;
    let mut sessions = Vec::new();
    let total = WARM_UP + args.sessions;
    let mut before = 0;
    for n in 0..total {
        if n == WARM_UP {
            before = node.resident_bytes()?;
        }
        let user = format!("user-{n}");
        let ticket = minting.ticket(&user)?;
        sessions.push(open_session(node.address, n, &ticket)?);
        if args.output == Format::Table && (n + 1) % 1000 == 0 {
            out::note(format!("{} of {total} sessions", n + 1));
        }
    }
    let after = node.resident_bytes()?;
    drop(sessions);
    let each = after.saturating_sub(before) / u64::from(args.sessions.max(1));
    match args.output {
        Format::Json => out::line(
            json!({
                "bench": "idle",
                "sessions": args.sessions,
                "rss_before_bytes": before,
                "rss_after_bytes": after,
                "bytes_per_session": each,
            })
            .to_string(),
        ),
        Format::Table => out::table(&[
            vec!["sessions".to_owned(), args.sessions.to_string()],
            vec!["resident before".to_owned(), format!("{} KiB", before / 1024)],
            vec!["resident after".to_owned(), format!("{} KiB", after / 1024)],
            vec!["each session".to_owned(), format!("{each} bytes")],
        ]),
    }
    Ok(())
}

/// A node in a process of its own.
struct Node {
    process: Child,
    address: SocketAddr,
}

impl Node {
    fn start() -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::failed)?;
        let mut process = Command::new(program)
            .args(["dev", "--listen", "127.0.0.1:0", "--json"])
            // Sessions are opened as fast as the machine can.
            .env("USHER_LIMITS__ADMISSIONS_PER_SECOND", "1000000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Failure::failed)?;
        let output = process.stdout.take().ok_or_else(|| Failure::failed("no output"))?;
        let mut lines = BufReader::new(output).lines();
        let first = lines.next().transpose().map_err(Failure::failed)?.unwrap_or_default();
        // Its events are read, so that it never waits for this program.
        std::thread::spawn(move || lines.for_each(drop));
        let urls: Value = serde_json::from_str(&first).map_err(Failure::failed)?;
        let address = urls["links"]
            .as_str()
            .and_then(|url| url.strip_prefix("http://")?.strip_suffix('/')?.parse().ok())
            .ok_or_else(|| Failure::failed("the node did not say where it listens"))?;
        Ok(Self { process, address })
    }

    fn resident_bytes(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .map_err(Failure::failed)?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
            .map(|kib: u64| kib * 1024)
            .ok_or_else(|| Failure::failed("this system does not tell a process's memory"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It keeps nothing that is worth a graceful stop.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// One HTTP socket on which tickets are asked for.
struct Minting {
    stream: BufReader<TcpStream>,
}

impl Minting {
    fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).map_err(Failure::failed)?;
        stream.set_nodelay(true).map_err(Failure::failed)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn ticket(&mut self, user: &str) -> Result<String, Failure> {
        let user = UserId::parse(user).map_err(Failure::failed)?;
        let body = json!({"user": user}).to_string();
        let request = format!(
            "POST /v1/tickets HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {DEV_KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(Failure::failed)?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).map_err(Failure::failed)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(Failure::failed)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(Failure::failed)?;
        let reply: TicketReply = serde_json::from_slice(&body).map_err(Failure::failed)?;
        Ok(reply.ticket.to_string())
    }
}

/// Opens a session and waits for its `welcome`.
fn open_session(address: SocketAddr, n: u32, ticket: &str) -> Result<Socket, Failure> {
    let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 2)) + n / SESSIONS_PER_ADDRESS);
    let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(Failure::failed)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into()).map_err(Failure::failed)?;
    socket.connect(&address.into()).map_err(Failure::failed)?;
    let request = format!(
        "GET {CONNECT_PATH}?ticket={ticket} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).map_err(Failure::failed)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 2048]);
    while !answer.windows(9).any(|nine| nine == b"\"welcome\"") {
        let read = socket.read(&mut chunk).map_err(Failure::failed)?;
        if read == 0 {
            return Err(Failure::failed("a session was refused"));
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    Ok(socket)
}
