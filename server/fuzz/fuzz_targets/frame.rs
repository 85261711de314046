//! Text as a session writes it.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| server::fuzzing::frame(input));
