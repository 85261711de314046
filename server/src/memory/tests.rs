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
fn the_limit_of_the_process_is_the_soft_one() {
    let shown = |soft: &str| {
        format!(
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max cpu time              unlimited            unlimited            seconds   \n\
             Max address space         {soft:21}unlimited            bytes     \n"
        )
    };
    assert_eq!(address_space(&shown("3072000000")), Some(3_072_000_000));
    for text in [shown("unlimited"), String::new(), "Max address space".to_owned()] {
        assert_eq!(address_space(&text), None, "{text}");
    }
}

#[test]
fn there_is_some() {
    assert!(bytes() > 1 << 20);
}
