//! What systems say of their memory.

use super::*;

#[test]
fn the_total_is_read_in_kibibytes() {
    assert_eq!(total("MemTotal:       24689372 kB\nMemFree: 1 kB\n"), Some(24_689_372 * 1024));
    for text in ["", "MemFree: 1 kB", "MemTotal: x kB", "MemTotal: 1 MB"] {
        assert_eq!(total(text), None, "{text}");
    }
}

#[test]
fn there_is_some() {
    assert!(bytes() > 1 << 20);
}
