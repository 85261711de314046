//! The program as people use it: the README's walk, what the pages of reference say, every URL that
//! is printed, and what commands answer when something is wrong.
//!
//! The real binary runs, on free ports, each test with a node of its own. Sessions are opened by
//! the WebSocket library of another project, in Python, so that the two ends do not share a
//! mistake. Nothing sleeps: every wait is for a line, and gives up after `program::PATIENCE`.

// Top floor first, as everywhere.
mod walk;
mod reference;
mod guide;
mod document;
mod bad_inputs;
mod links;
mod commands;
mod refusals;
mod leaving;
mod stopping;
mod restarting;
mod fleet_page;
mod pausing;
mod cut_off;
mod kept;
mod faults;
mod fleet;
mod fleet_events;
mod readers;
mod churn;
mod tls;
mod bench;
mod following;
mod secrets;
mod operate;
mod shapes;
mod serving;
mod operating;
mod connecting;
mod torture;
mod witness;
mod tamper;
mod proxy;
mod page;
mod session;
mod crowd;
mod node;
mod feed;
mod people;
mod nodes;
mod guarded;
mod cluster;
#[path = "../chaos/gate.rs"]
#[expect(dead_code, reason = "chaos uses the rest")]
mod gate;
#[path = "../chaos/way.rs"]
#[expect(dead_code, reason = "chaos uses the rest")]
mod way;
#[path = "../chaos/pushes.rs"]
mod pushes;
mod dice;
mod redis;
mod supervised;
mod served;
mod program;
