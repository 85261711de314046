//! Tests of what is read from `/proc`.

use std::time::Duration;

use super::{Cpu, Process, cpu, resident_bytes, thread_cpu};

#[test]
fn a_name_that_looks_like_fields_does_not_mislead() {
    let stat = "42 (a) S 9 (b) R 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 8 0";
    let expected = Cpu { user: Duration::from_millis(1500), system: Duration::from_millis(250) };
    assert_eq!(cpu(stat), Some(expected));
    assert_eq!(expected.total(), Duration::from_millis(1750));
    assert_eq!(cpu("42 (a) R 1"), None);
    assert_eq!(cpu(""), None);
}

#[test]
fn resident_memory_is_told_in_kib() {
    assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2_097_152));
    assert_eq!(resident_bytes("Name:\tx\n"), None);
}

#[test]
fn this_process_can_be_looked_at() {
    let own = Process::own();
    assert!(own.resident_bytes().unwrap() > 100_000);
    assert!(own.descriptors().unwrap() >= 3);
    let before = thread_cpu().unwrap();
    while thread_cpu().unwrap() == before {}
    own.cpu().unwrap();
}
