//! Bytes as they come from a WebSocket.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| server::fuzzing::codec(input));
