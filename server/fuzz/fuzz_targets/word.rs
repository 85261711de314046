//! Ids, names, positions, targets and origins.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| server::fuzzing::word(input));
