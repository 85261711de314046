//! Dev: a node to try things on, which says what can be tried.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use serde_json::json;
use server::{
    config::{Config, DEV_KEY, Layers, PORT, Session},
    event::Event,
    panics,
    serve::{self, Running},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    args::Dev,
    failure::{Failure, Kind},
    feed, out,
    serve::{Stop, environment, go_away, read_secret, refused},
};

/// Ports that are tried when the usual one is taken.
const PORTS_TRIED: u16 = 20;

/// Runs a node until told to stop.
pub(crate) fn run(args: &Dev) -> Result<(), Failure> {
    let config = config()?;
    panics::end_the_process();
    let listeners = listen(args.listen)?;
    let running = serve::start(config, listeners).map_err(Failure::failed)?;
    let events = running.node().events();
    let mut stop = running.block_on(Stop::watch())?;
    match args.json {
        true => out::line(urls(&running).to_string()),
        false => banner(&running),
    }
    let json = args.json;
    // A thread of its own: a pipe that nobody reads must not keep signals from being heard.
    std::thread::spawn(move || follow(events, json));
    running.block_on(stop.called());
    let live = running.node().live_sockets();
    if live > 0 {
        out::note(format!("stopping; {live} sockets are told to come back later"));
    }
    let left = go_away(running, &mut stop);
    if left > 0 {
        out::note(format!("{left} sockets did not close in time"));
    }
    Ok(())
}

/// The defaults of dev, but for what variables such as `USHER_SESSION__PING` say. Plain ones such
/// as `USHER_KEY` are for other commands.
fn config() -> Result<Config, Failure> {
    let environment: Vec<_> = environment().filter(|(name, _)| name.contains("__")).collect();
    let layers = Layers { environment: &environment, ..Layers::default() };
    let said = layers.resolve(&read_secret).map_err(|invalid| refused(&invalid))?.config;
    let given = |name: &str| environment.iter().any(|(given, _)| given == name);
    let mut config = Config::dev(Vec::new());
    config.limits = said.limits;
    config.session = Session { ticket_ttl: config.session.ticket_ttl, ..said.session };
    if given("USHER_SESSION__TICKET_TTL") {
        config.session.ticket_ttl = said.session.ticket_ttl;
    }
    if given("USHER_DRAIN__WINDOW") {
        config.drain.window = said.drain.window;
    }
    Ok(config)
}

/// The given address, or else the usual port on both loopback addresses, or the next free one.
fn listen(given: Option<SocketAddr>) -> Result<Vec<TcpListener>, Failure> {
    if let Some(address) = given {
        if !address.ip().is_loopback() {
            let text = format!(
                "usher dev has a key that everybody knows, so it listens on loopback only, \
                 not on {address}; use `usher serve`"
            );
            return Err(Failure::usage(text));
        }
        return Ok(vec![serve::bind(address).map_err(Failure::failed)?]);
    }
    for port in PORT..PORT + PORTS_TRIED {
        let Ok(v4) = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) else { continue };
        // A machine without IPv6 is served by IPv4 alone; but no other program may have the port.
        let v6 = match serve::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
            Ok(v6) => Some(v6),
            Err(serve::Failed::Listen { cause, .. }) if cause.kind() == ErrorKind::AddrInUse => {
                continue;
            }
            Err(_) => None,
        };
        if port != PORT {
            out::note(format!("port {PORT} is taken; using {port}"));
        }
        return Ok(std::iter::once(v4).chain(v6).collect());
    }
    let last = PORT + PORTS_TRIED - 1;
    Err(Failure::new(Kind::Failed, format!("ports {PORT} to {last} are all taken; give --listen")))
}

fn base(running: &Running) -> SocketAddr {
    running.addresses()[0]
}

fn urls(running: &Running) -> serde_json::Value {
    let base = base(running);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "links": format!("http://{base}/"),
        "api": format!("http://{base}/v1"),
        "websocket": format!("ws://{base}/v1/connect"),
        "health": format!("http://{base}/readyz"),
        "key": DEV_KEY,
    })
}

fn banner(running: &Running) {
    let base = base(running);
    let at = match base.port() {
        PORT => String::new(),
        _ => format!(" --server http://{base}"),
    };
    let version = env!("CARGO_PKG_VERSION");
    out::line(format!(
        "usher {version} · dev mode · in memory, lost on exit · this machine only

  Links      http://{base}/
  HTTP API   http://{base}/v1   Authorization: Bearer {DEV_KEY}
  WebSocket  ws://{base}/v1/connect
  Health     http://{base}/readyz

  Be alice   usher connect alice{at}
  Send       curl -H 'Authorization: Bearer {DEV_KEY}' -d '{{\"data\":\"hi\"}}' http://{base}/v1/users/alice/messages
"
    ));
}

fn follow(mut events: Receiver<Event>, json: bool) {
    let colourful = out::is_colourful();
    loop {
        match events.blocking_recv() {
            Ok(event) if json => out::line(feed::json(&event).to_string()),
            Ok(event) => out::line(feed::line(&event, colourful)),
            Err(RecvError::Lagged(missed)) => out::note(format!("… {missed} events not shown")),
            Err(RecvError::Closed) => return,
        }
    }
}
