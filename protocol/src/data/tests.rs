//! Data keeps its bytes, and its bounds hold.

use super::{Data, Invalid};
use crate::limit::{DATA_BYTES_MAX, DATA_DEPTH_MAX};

fn data(json: &str) -> Result<Data, Invalid> {
    Data::new(serde_json::from_str(json).unwrap())
}

#[test]
fn data_keeps_every_byte_between_the_white_space_around_it() {
    for json in ["null", "1.50e+3", r#"{"b":1,"a":2,"b":3}"#, r#""\u0041 \ud800""#, "[ 1 , 2 ]"] {
        assert_eq!(data(&format!(" {json}\n")).unwrap().as_str(), json);
        let parsed: Data = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), json);
    }
}

#[test]
fn data_is_bounded_in_length_and_depth() {
    let long = |n: usize| format!("\"{}\"", "x".repeat(n - 2));
    assert!(data(&long(DATA_BYTES_MAX)).is_ok());
    assert_eq!(data(&long(DATA_BYTES_MAX + 1)), Err(Invalid::TooLong));
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(data(&deep(DATA_DEPTH_MAX)).is_ok());
    assert_eq!(data(&deep(DATA_DEPTH_MAX + 1)), Err(Invalid::TooDeep));
    assert_eq!(data(&deep(10_000)), Err(Invalid::TooDeep));
    assert!(data(r#""[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[[""#).is_ok());
}

#[test]
fn data_does_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", data("\"secret\"").unwrap()), "Data(8 bytes)");
}
