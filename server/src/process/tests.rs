//! Texts of `/proc`, and this process.

use super::*;

#[test]
fn texts_of_proc_are_read() {
    let stat = "42 (us) her (x) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 5 0 100 1 1";
    assert_eq!(cpu_seconds(stat), Some(3.0));
    assert_eq!(cpu_seconds("42 (usher) S 1"), None);
    assert_eq!(resident_bytes("Name:\tusher\nVmRSS:\t    1024 kB\n"), Some(1024 * 1024));
    assert_eq!(resident_bytes("Name:\tusher\n"), None);
    let limits = "Limit            Soft Limit   Hard Limit   Units\n\
                  Max open files   1024         524288       files\n";
    assert_eq!(max_fds(limits), Some(1024));
    let limits = "Max open files   unlimited    unlimited    files\n";
    assert_eq!(max_fds(limits), None);
}

#[test]
#[cfg(target_os = "linux")]
fn this_process_has_memory_and_descriptors() {
    let before = Process::look();
    let file = fs::File::open("/proc/self/stat").unwrap();
    assert!(before.cpu_seconds.is_some_and(|seconds| seconds >= 0.0), "{before:?}");
    assert!(before.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{before:?}");
    assert!(before.open_fds.is_some_and(|fds| fds >= 3), "{before:?}");
    drop(file);
}
