//! Serve: a node as it is configured, how it is told to read its certificate again, and how nodes
//! stop.

use std::{env, fmt, fs, net::SocketAddr, path::Path};

use server::{
    config::{self, Effective, File, Flags, Invalid, Layers},
    panics,
    serve::{self, Listeners, Running},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    args::{ConfigCommand, ConfigFile, Serve},
    failure::Failure,
    follow::Follower,
    log, out,
};

/// Runs a node until told to stop.
pub(crate) fn run(args: &Serve) -> Result<(), Failure> {
    let flags = Flags {
        listen: args.listen.iter().map(ToString::to_string).collect(),
        public_url: args.public_url.clone(),
        node: args.node.clone(),
        engine: args.engine.clone(),
        key_file: args.key_file.clone(),
        log: args.log.clone(),
    };
    let config = servable(args.config.as_deref(), flags)?.config;
    log::start(&config.log);
    panics::end_the_process();
    let bound = |addresses: &[SocketAddr]| {
        let bound = addresses.iter().map(|address| serve::bind(*address));
        bound.collect::<Result<_, _>>().map_err(Failure::failed)
    };
    let listeners = Listeners { public: bound(&config.listen)?, api: bound(&config.api_listen)? };
    let running = serve::start(config, listeners).map_err(Failure::failed)?;
    let mut stop = running.block_on(Stop::watch())?;
    let mut hang_up = running.block_on(hang_ups())?;
    let public = match running.api_addresses() {
        [] => "sessions and API",
        _ => "sessions",
    };
    let of_public = running.addresses().iter().map(|address| (address, public));
    let of_api = running.api_addresses().iter().map(|address| (address, "API"));
    for (address, serves) in of_public.chain(of_api) {
        match running.node().config().tls {
            Some(_) => tracing::info!(serves, %address, "listening with TLS"),
            None => tracing::info!(serves, %address, "listening"),
        }
    }
    let engine = &running.node().config().engine.url;
    tracing::info!(target: "usher::engine", %engine, "sessions and messages are kept");
    let events = running.node().journal().watch_own();
    let follower = Follower::start(events, log::event).map_err(Failure::failed)?;
    let told = running.block_on(async {
        loop {
            tokio::select! {
                told = told(&running, &mut stop) => break told,
                _ = hang_up.recv() => read_again(&running),
            }
        }
    });
    tracing::info!(by = %told, "told to go away");
    let left = go_away(running, &mut stop, told);
    if left > 0 {
        tracing::warn!(left, "sockets did not close in time");
    }
    follower.end();
    tracing::info!("stopped");
    Ok(())
}

/// Watches for SIGHUP, by which services are told that their files have changed.
#[expect(clippy::unused_async, reason = "signals are watched by the runtime that it runs in")]
async fn hang_ups() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(Failure::failed)
}

fn read_again(running: &Running) {
    match (&running.node().config().tls, running.read_again()) {
        (None, _) => tracing::info!("SIGHUP: without TLS there is nothing to read again"),
        (Some(_), Ok(())) => tracing::info!("the certificate was read again"),
        (Some(_), Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
    }
}

/// Who told a node to go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The operator or a supervisor, by a signal.
    BySignal,
    /// Somebody with a key, over the API.
    ByCall,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BySignal => "a signal",
            Self::ByCall => "a call of the API",
        })
    }
}

/// Returns when the node is told to go away.
pub(crate) async fn told(running: &Running, stop: &mut Stop) -> Told {
    tokio::select! {
        () = stop.called() => Told::BySignal,
        () = running.node().asked_to_leave() => Told::ByCall,
    }
}

/// Goes away in good order, or at once when told to stop by a second signal; returns how many
/// sockets were still open.
pub(crate) fn go_away(running: Running, stop: &mut Stop, told: Told) -> usize {
    let in_order = running.block_on(async {
        let again = async {
            // A supervisor may ask over the API first, and give its one signal next.
            if told == Told::ByCall {
                stop.called().await;
            }
            stop.called().await;
        };
        let in_order = async {
            running.drain().await;
            running.close().await;
        };
        tokio::select! {
            () = in_order => true,
            () = again => false,
        }
    });
    let left = running.node().live_sockets();
    match in_order {
        true => running.stop(),
        false => running.abandon(),
    }
    left
}

/// The descriptors that this process may have.
pub(crate) fn descriptors() -> Option<usize> {
    let (descriptors, _) = rlimit::getrlimit(rlimit::Resource::NOFILE).ok()?;
    Some(usize::try_from(descriptors).unwrap_or(usize::MAX))
}

/// All variables that are text.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// What file, environment and flags make together.
pub(crate) fn resolve(file: Option<&Path>, flags: Flags) -> Result<Effective, Failure> {
    let name = file.map(|file| file.display().to_string());
    let text = file.map(fs::read_to_string).transpose().map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", name.clone().unwrap_or_default()))
    })?;
    let host_name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let environment: Vec<_> = environment().collect();
    let layers = Layers {
        host_name: host_name.as_deref().map(str::trim),
        descriptors: descriptors(),
        file: name.as_deref().zip(text.as_deref()).map(|(name, text)| File { name, text }),
        environment: &environment,
        flags,
    };
    layers.resolve(&read_secret).map_err(|invalid| refused(&invalid))
}

/// The same, where there is a key as well: a node without one would be of no use to anybody.
fn servable(file: Option<&Path>, flags: Flags) -> Result<Effective, Failure> {
    let effective = resolve(file, flags)?;
    if effective.config.keys.is_empty() {
        return Err(Failure::usage(
            "usher serve needs an API key of 24 bytes or more. Make one and give it:\n\
             \x20 (umask 077; head -c 32 /dev/urandom | base64 > usher.key) && usher serve --key-file usher.key",
        ));
    }
    Ok(effective)
}

/// All that is wrong, each on a line of its own.
pub(crate) fn refused(invalid: &[Invalid]) -> Failure {
    let lines: Vec<String> = invalid.iter().map(ToString::to_string).collect();
    Failure::usage(lines.join("\n"))
}

/// Reads a secret; warns if others on this machine can read it too. A certificate comes this way as
/// well, and is none.
pub(crate) fn read_secret(path: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::PermissionsExt;

    let readable = fs::metadata(path)?.permissions().mode() & 0o004 != 0;
    let text = fs::read_to_string(path)?;
    let secret = text.contains("PRIVATE KEY-----") || !text.contains("-----BEGIN CERTIFICATE-----");
    if readable && secret {
        out::note(format!("{} can be read by everybody here; chmod 600 it", path.display()));
    }
    Ok(text)
}

/// Looks at the configuration.
pub(crate) fn config(command: &ConfigCommand) -> Result<(), Failure> {
    let flags = |of: &ConfigFile| Flags { key_file: of.key_file.clone(), ..Flags::default() };
    match command {
        ConfigCommand::Check(of) => {
            servable(of.config.as_deref(), flags(of))?;
            out::note("the configuration is fine");
        }
        ConfigCommand::Show(of) => {
            let effective = resolve(of.config.as_deref(), flags(of))?;
            out::line(config::show(&effective).trim_end());
        }
        ConfigCommand::Default => out::line(config::defaults().trim_end()),
    }
    Ok(())
}

/// Watches for the signals that tell the process to stop: SIGTERM, and Ctrl-C.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From here on the process is not ended by them.
    #[expect(clippy::unused_async, reason = "signals are watched by the runtime that it runs in")]
    pub(crate) async fn watch() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(Failure::failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::failed)?,
        })
    }

    /// Returns when the process is told to stop.
    pub(crate) async fn called(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
