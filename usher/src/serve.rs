//! Serve: a node as it is configured.

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    args::{ConfigCommand, Serve},
    failure::Failure,
};

/// Runs a node until told to stop.
pub(crate) fn run(_args: &Serve) -> Result<(), Failure> {
    Err(Failure::failed("to come"))
}

/// Looks at the configuration.
pub(crate) fn config(_command: &ConfigCommand) -> Result<(), Failure> {
    Err(Failure::failed("to come"))
}

/// Returns when the process is told to stop: SIGTERM, or Ctrl-C.
pub(crate) async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be watched");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
