//! Tests of how a Redis is named, and of what it says.

use super::{field, line::Place};

#[test]
fn a_place_is_read_as_nodes_read_it() {
    let read = |url| Place::parse(url).map(|place| place.url());
    for (url, meant) in [
        ("redis://10.0.0.9", "redis://10.0.0.9:6379"),
        ("redis://10.0.0.9:7000/", "redis://10.0.0.9:7000"),
        ("redis://[::1]", "redis://[::1]:6379"),
        ("redis://:secret@a:1", "redis://:secret@a:1"),
        ("redis://usher:secret@a", "redis://usher:secret@a:6379"),
    ] {
        assert_eq!(read(url).ok().as_deref(), Some(meant), "{url}");
    }
    for url in ["redis://", "redis://a/1", "redis://a:1,b:2", "rediss://a", "redis://u:%20@a"] {
        assert!(read(url).is_err(), "{url}");
    }
}

#[test]
fn a_password_is_not_shown() {
    let place = Place::parse("redis://usher:secret@a:1").unwrap();
    assert!(!format!("{place:?} {place}").contains("secret"));
}

#[test]
fn what_is_said_is_found_by_its_name() {
    let info = "# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_sys_children:0\r\n";
    assert_eq!(field(info, "used_cpu_sys"), Some("1.5"));
    assert_eq!(field(info, "used_cpu"), None);
}
