//! Dev: a node to try things on, which says what can be tried.

use std::{
    env,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use serde_json::json;
use server::{
    config::{Config, DEV_KEY, Flags, Layers, PORT, Session},
    journal::Watcher,
    panics,
    serve::{self, Running},
};

use crate::{
    args::Dev,
    failure::{Failure, Kind},
    feed,
    follow::Follower,
    log, out,
    serve::{Stop, descriptors, environment, go_away, read_secret, refused, told},
};

/// Ports that are tried when the usual one is taken.
const PORTS_TRIED: u16 = 20;

/// Runs a node until told to stop.
pub(crate) fn run(args: &Dev) -> Result<(), Failure> {
    let config = config(args)?;
    log::start(&config.log);
    panics::end_the_process();
    let listeners = listen(args.listen)?;
    let running = serve::start(config, listeners).map_err(Failure::failed)?;
    let events = running.node().events();
    let mut stop = running.block_on(Stop::watch())?;
    match args.json {
        true => out::line(urls(&running).to_string()),
        false => banner(&running),
    }
    let follower = follow(events, format!("http://{}", base(&running)), args.json)?;
    let told = running.block_on(told(&running, &mut stop));
    let live = running.node().live_sockets();
    if live > 0 {
        let sockets =
            if live == 1 { "1 socket is".to_owned() } else { format!("{live} sockets are") };
        out::note(format!("stopping; {sockets} told to come back later"));
    }
    let left = go_away(running, &mut stop, told);
    if left > 0 {
        out::note(format!("{left} sockets did not close in time"));
    }
    follower.end();
    Ok(())
}

/// The defaults of dev, but for what variables such as `USHER_SESSION__PING` say. Plain ones such
/// as `USHER_KEY` are for other commands.
fn config(args: &Dev) -> Result<Config, Failure> {
    let taken = |name: &str| name.contains("__") || name == "USHER_LOG";
    let environment: Vec<_> = environment().filter(|(name, _)| taken(name)).collect();
    let flags = Flags { engine: args.engine.clone(), ..Flags::default() };
    let descriptors = descriptors();
    let layers = Layers { descriptors, environment: &environment, flags, ..Layers::default() };
    let said = layers.resolve(&read_secret).map_err(|invalid| refused(&invalid))?.config;
    let given = |name: &str| environment.iter().any(|(given, _)| given == name);
    let mut config = Config::dev(Vec::new());
    config.engine = said.engine;
    config.limits = said.limits;
    // What happens is printed anyway; what goes wrong is for the log.
    config.log = said.log;
    if !given("USHER_LOG") && !given("USHER_LOG__FILTER") {
        "warn".clone_into(&mut config.log.filter);
    }
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
    // As it was called, so that the line can be typed where this one was.
    let called = env::args_os().next();
    let called = called.map_or_else(|| "usher".into(), |path| path.to_string_lossy().into_owned());
    let at = match base.port() {
        PORT => String::new(),
        _ => format!(" --server http://{base}"),
    };
    let version = env!("CARGO_PKG_VERSION");
    let engine = &running.node().config().engine.url;
    let kept = match engine.is_shared() {
        true => format!("in {engine}"),
        false => "in memory, lost on exit".to_owned(),
    };
    out::line(format!(
        "usher {version} · dev mode · {kept} · this machine only

  Links      http://{base}/
  HTTP API   http://{base}/v1   Authorization: Bearer {DEV_KEY}
  WebSocket  ws://{base}/v1/connect
  Health     http://{base}/readyz

  Be alice   {called} connect alice{at}
  Send       curl -H 'Authorization: Bearer {DEV_KEY}' -d '{{\"data\":\"hi\"}}' http://{base}/v1/users/alice/messages
"
    ));
}

/// Of the node itself a person who sits before it knows already.
fn follow(events: Watcher, at: String, json: bool) -> Result<Follower, Failure> {
    let colourful = out::is_colourful(&std::io::stdout());
    let told = Follower::start(events, move |event| match (json, serde_json::to_string(event)) {
        (true, Ok(text)) => out::line(text),
        (true, Err(error)) => out::note(format!("an event cannot be written: {error}")),
        (false, _) if feed::is_of_node(&event.what) => {}
        (false, _) => out::line(feed::line(event, &at, colourful)),
    });
    told.map_err(Failure::failed)
}
