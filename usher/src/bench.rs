//! Bench: what a node costs, measured on this machine.
//!
//! The node is a process of its own, so that its time and memory are its own; the load comes from
//! one thread here, from many loopback addresses, so that ports do not run out. What is told is
//! time of the processor for each thing done and bytes for each thing held, which are the same on
//! any day, and beside them latency and throughput, which are not. All that arrives is looked at:
//! a figure for messages that were lost would be none.

mod soak;
mod storm;
mod crash;
mod parts;
mod part;
mod connect;
mod bulk;
mod session_send;
mod send;
mod fanout;
mod idle;
mod placement;
mod toll;
mod sending;
mod ceiling;
mod trend;
mod everyone;
mod deliveries;
mod flow;
mod meter;
mod rest;
mod crowd;
mod arrivals;
mod load;
mod caller;
mod session;
mod event;
mod socket;
mod fleet;
mod node;
mod redis;
mod children;
mod target;
mod tls;
mod wire;
mod answer;
mod ledger;
mod stamp;
mod dice;
mod pace;
mod progress;
mod report;
mod process;
mod clock;

use crate::{
    args::{
        Format,
        bench::{Bench, BenchCommand},
    },
    failure::Failure,
    out,
};

/// Measures.
pub(crate) fn run(args: Bench) -> Result<(), Failure> {
    let (report, format) = match args.command {
        BenchCommand::Idle(args) => (idle::run(&args)?, args.place.output),
        BenchCommand::Fanout(args) => (fanout::run(&args)?, args.place.output),
        BenchCommand::Send(args) => (send::run(&args)?, args.place.output),
        BenchCommand::SessionSend(args) => (session_send::run(&args)?, args.place.output),
        BenchCommand::Bulk(args) => (bulk::run(&args)?, args.place.output),
        BenchCommand::Connect(args) => (connect::run(&args)?, args.place.output),
        BenchCommand::Placement(args) => (placement::run(&args)?, args.place.output),
        BenchCommand::Storm(args) => (storm::run(&args)?, args.place.output),
        BenchCommand::Part => return part::run(),
        BenchCommand::Soak(args) => (soak::run(&args)?, args.place.output),
    };
    match format {
        Format::Json => out::line(report.json().to_string()),
        Format::Table => {
            out::table(&report.rows());
            report.notes.iter().for_each(out::note);
        }
    }
    Ok(())
}
