//! A session against a server of ours that misbehaves: it drops sockets, opens them half, says
//! nothing, trickles, repeats itself, refuses tickets, drains, loses the welcome.
//!
//! Nothing sleeps: every wait is for what the other end does, and gives up after `fake::PATIENCE`.

#![expect(clippy::unwrap_used, reason = "what fails in a test should stop it")]

// Top floor first, as everywhere.
mod coming_back;
mod receiving;
mod sending;
mod leaving;
mod encrypted;
mod fake;
