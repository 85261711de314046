//! A node as the outside sees it: bytes into real sockets, bytes out.
//!
//! Each test starts a node of its own on a free port and ends it; none sleeps, all wait for frames
//! or events. Most are tables that go through one `check`. A name that begins with `h7`, `f11`,
//! `j3` or `a9` covers that row of the catalogue of bad inputs.

#![expect(clippy::unwrap_used, reason = "a test ends where it does not get what it needs")]

mod node;
mod call;
mod peer;
mod frame;
mod pair;
mod lanes;
mod faulty;
mod feed;

mod delivery;
mod resume;
mod races;
mod returns;
mod ends;
mod unanswered;
mod unadmitted;
mod panics;
mod descriptors;
mod handshake;
mod tickets;
mod frames;
mod words;
mod liveness;
mod drain;
mod slow;
mod api;
mod callers;
mod entrances;
mod proxies;
mod room;
mod nodes;
mod limits;
mod lists;
mod requests;
mod others;
mod crowds;
mod keys;
mod many;
mod blocks;
mod places;
mod gates;
mod tls;
mod events;
mod metrics;
