//! Who a request comes from: chains of proxies, and what may stand in them.

use std::net::IpAddr;

use super::{Network, Proxies};

fn proxies(networks: &[&str]) -> Proxies {
    Proxies::new(networks.iter().map(|text| Network::parse(text).unwrap()).collect())
}

#[track_caller]
fn check(trusted: &[&str], peer: &str, forwarded_for: &[&str], expected: &str) {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let values = forwarded_for.iter().map(|value| value.as_bytes());
    let origin = proxies(trusted).origin(address(peer), values);
    assert_eq!(origin, address(expected), "{trusted:?} {peer} {forwarded_for:?}");
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    check(&[], "10.0.0.1", &["6.6.6.6"], "10.0.0.1");
    check(&["10.0.0.2"], "10.0.0.1", &["6.6.6.6"], "10.0.0.1");
    check(&["10.0.0.0/8"], "9.255.255.255", &["6.6.6.6"], "9.255.255.255");
    check(&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1");
}

#[test]
fn the_list_is_read_from_its_end_up_to_the_first_who_is_not_trusted() {
    let ours = &["10.0.0.0/8", "2001:db8::/32"];
    check(ours, "10.0.0.1", &["6.6.6.6"], "6.6.6.6");
    check(ours, "10.0.0.1", &["1.1.1.1, 6.6.6.6"], "6.6.6.6");
    check(ours, "10.0.0.1", &["1.1.1.1,6.6.6.6,10.9.9.9"], "6.6.6.6");
    check(ours, "10.0.0.1", &["1.1.1.1", "6.6.6.6", "10.9.9.9"], "6.6.6.6");
    check(ours, "10.0.0.1", &["1.1.1.1, 6.6.6.6 ,\t2001:db8::7"], "6.6.6.6");
    check(ours, "2001:db8::7", &["2001:db9::1"], "2001:db9::1");
    // A service of ours asked by itself.
    check(ours, "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
}

#[test]
fn an_entry_that_is_no_address_ends_the_list() {
    let ours = &["10.0.0.0/8"];
    for entry in ["", "unknown", "6.6.6", "6.6.6.6.6", "for=6.6.6.6", "06.6.6.6", "6.6.6.6/8", "-"]
    {
        check(ours, "10.0.0.1", &[entry], "10.0.0.1");
        check(ours, "10.0.0.1", &["6.6.6.6", &format!("{entry}, 10.0.0.2")], "10.0.0.2");
    }
    let origin = proxies(ours).origin([10, 0, 0, 1].into(), [&b"\xff"[..]].into_iter());
    assert_eq!(origin.to_string(), "10.0.0.1");
}

#[test]
fn an_address_may_have_a_port_and_be_of_either_kind() {
    let ours = &["10.0.0.0/8"];
    check(ours, "10.0.0.1", &["6.6.6.6:1234"], "6.6.6.6");
    check(ours, "10.0.0.1", &["[2001:db8::1]:1234"], "2001:db8::1");
    check(ours, "10.0.0.1", &["[2001:db8::1]"], "2001:db8::1");
    // One of IPv4 is the same however it is written.
    check(ours, "::ffff:10.0.0.1", &["::ffff:6.6.6.6"], "6.6.6.6");
    check(ours, "::ffff:10.0.0.1", &["1.1.1.1, ::ffff:10.0.0.2"], "1.1.1.1");
    check(&["::ffff:10.0.0.0/104"], "10.0.0.1", &["6.6.6.6"], "6.6.6.6");
}

#[test]
fn a_network_is_shown_as_it_was_written() {
    for text in ["10.0.0.0/8", "10.1.2.3", "192.168.0.0/17", "2001:db8::/32", "::1", "fd00::/127"] {
        assert_eq!(Network::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Network::parse("10.1.2.3/32").unwrap().to_string(), "10.1.2.3");
}

#[test]
fn what_is_no_network_is_told_why() {
    let form = "must be an address such as \"10.1.2.3\", or a network such as \"10.0.0.0/8\"";
    for text in
        ["", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10/8", "localhost"]
    {
        assert_eq!(Network::parse(text), Err(form.to_owned()), "{text}");
    }
    let meant = "must have nothing behind its prefix; did you mean \"10.0.0.0/8\"?";
    assert_eq!(Network::parse("10.1.2.3/8"), Err(meant.to_owned()));
    for text in ["0.0.0.0/0", "::/0"] {
        assert!(Network::parse(text).unwrap_err().starts_with("must not be every address"));
    }
}
