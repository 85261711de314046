//! Tests of addresses.

use super::Target;

#[test]
fn a_server_is_addressed_as_it_was_given() {
    let check = |url: &str, address: &str, host: &str| {
        let target = Target::given(url, "k").unwrap();
        assert_eq!((target.address.to_string().as_str(), target.host.as_str()), (address, host));
        assert_eq!(target.authorization, "Bearer k");
    };
    check("http://127.0.0.1:7328", "127.0.0.1:7328", "127.0.0.1:7328");
    check("http://127.0.0.1:7328/", "127.0.0.1:7328", "127.0.0.1:7328");
    check("http://127.0.0.1", "127.0.0.1:80", "127.0.0.1");
    check("http://[::1]:9000", "[::1]:9000", "[::1]:9000");
}

#[test]
fn what_cannot_be_addressed_is_refused() {
    for url in ["https://127.0.0.1", "127.0.0.1:7328", "ws://127.0.0.1"] {
        let failure = Target::given(url, "k").unwrap_err();
        assert!(failure.to_string().contains("is not an http:// address"), "{failure}");
    }
}
