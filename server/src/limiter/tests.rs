//! Who is stopped, and who is not.

use std::net::IpAddr;

use kernel::{moment::Moment, rate::Rate};

use super::Limiter;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_that_failed_too_often_waits_and_others_do_not() {
    let limiter = Limiter::new(Rate { per_second: 1, burst: 3 });
    let (bad, good) = (address("127.0.0.1"), address("127.0.0.2"));
    for _ in 0..3 {
        assert_eq!(limiter.check(bad, Moment(0)), Ok(()));
        limiter.failed(bad, Moment(0));
    }
    assert_eq!(limiter.check(bad, Moment(0)), Err(1000));
    assert_eq!(limiter.check(good, Moment(0)), Ok(()));
    assert_eq!(limiter.check(bad, Moment(1000)), Ok(()));
}

#[test]
fn a_network_of_64_bits_counts_as_one_address() {
    let limiter = Limiter::new(Rate { per_second: 1, burst: 1 });
    limiter.failed(address("2001:db8::1"), Moment(0));
    assert!(limiter.check(address("2001:db8::2"), Moment(0)).is_err());
    assert!(limiter.check(address("2001:db8:0:1::2"), Moment(0)).is_ok());
    limiter.failed(address("::ffff:127.0.0.9"), Moment(0));
    assert!(limiter.check(address("127.0.0.9"), Moment(0)).is_err());
}
