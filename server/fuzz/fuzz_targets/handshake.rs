//! Bytes as they come from a socket that was just accepted.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| server::fuzzing::handshake(input));
