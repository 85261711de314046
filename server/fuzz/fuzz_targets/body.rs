//! What comes as the body of an HTTP request.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| server::fuzzing::body(input));
