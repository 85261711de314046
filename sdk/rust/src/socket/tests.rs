//! Addresses.

use super::Address;

#[test]
fn an_address_has_a_host_a_port_and_a_path() {
    for (url, encrypted, host, port, path) in [
        ("ws://localhost", false, "localhost", 80, "/v1/connect"),
        ("wss://ws.example.com/", true, "ws.example.com", 443, "/v1/connect"),
        ("ws://127.0.0.1:7328/v1/connect", false, "127.0.0.1", 7328, "/v1/connect"),
        ("wss://[::1]:1/else?x=y", true, "::1", 1, "/else?x=y"),
    ] {
        let address = Address::parse(url).unwrap();
        let got = (address.encrypted, address.host.as_str(), address.port);
        assert_eq!(got, (encrypted, host, port), "{url}");
        assert_eq!(address.uri.path_and_query().unwrap().as_str(), path, "{url}");
    }
}

#[test]
fn what_is_no_address_of_a_socket_is_told() {
    for (url, why) in [
        ("", "is no URL"),
        ("not a url", "is no URL"),
        ("localhost:7328", "must begin with ws:// or wss://"),
        ("http://localhost", "must begin with ws:// or wss://"),
        ("/v1/connect", "must begin with ws:// or wss://"),
    ] {
        assert_eq!(Address::parse(url), Err(why), "{url}");
    }
}
