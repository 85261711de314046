//! Addresses: where to listen, and which proxies are believed.

use expect_test::expect;

use super::{Said, check_environment, check_file, resolve};

#[test]
fn the_api_may_have_addresses_of_its_own() {
    let file = "listen = \"0.0.0.0:1\"\n[api]\nlisten = [\"127.0.0.1:2\", \"[::1]:2\"]\n";
    let config = resolve(Said { file, ..Said::default() }).unwrap().config;
    assert_eq!(format!("{:?}", config.api_listen), "[127.0.0.1:2, [::1]:2]");
    assert_eq!(format!("{:?}", config.listen), "[0.0.0.0:1]");
    let environment = &[("USHER_API__LISTEN", "127.0.0.1:3")];
    let config = resolve(Said { environment, ..Said::default() }).unwrap().config;
    assert_eq!(format!("{:?}", config.api_listen), "[127.0.0.1:3]");
    assert!(resolve(Said::default()).unwrap().config.api_listen.is_empty());
}

#[test]
fn c6_the_api_cannot_be_where_sessions_are() {
    check_file(
        "listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n[api]\nlisten = \"127.0.0.1:2\"\n",
        expect![[r#"
            conf/usher.toml:3: api.listen must be another address than listen, which has 127.0.0.1:2
        "#]],
    );
    check_environment(
        &[("USHER_API__LISTEN", "0.0.0.0:7328")],
        expect![[r#"
        USHER_API__LISTEN: api.listen must be another address than listen, which has 0.0.0.0:7328
    "#]],
    );
}

#[test]
fn trusted_proxies_are_addresses_and_networks() {
    let file = "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n";
    let config = resolve(Said { file, ..Said::default() }).unwrap().config;
    let trust = |text: &str| config.trusted_proxies.trust(text.parse().unwrap());
    assert!(trust("10.255.0.1") && trust("::1") && !trust("11.0.0.1") && !trust("127.0.0.1"));
}

#[test]
fn c6_a_proxy_that_is_anybody_is_refused() {
    check_file(
        "trusted_proxies = [\n\"10.0.0.0/8\",\n\"10.0.0.1/8\",\n\"proxy\"]\n",
        expect![[r#"
        conf/usher.toml:3: trusted_proxies must have nothing behind its prefix; did you mean "10.0.0.0/8"?
    "#]],
    );
    check_file(
        "trusted_proxies = \"0.0.0.0/0\"\n",
        expect![[r#"
        conf/usher.toml:1: trusted_proxies must not be every address: whoever connects could claim to be any other
    "#]],
    );
    check_environment(
        &[("USHER_TRUSTED_PROXIES", "10.0.0.0/8, *")],
        expect![[r#"
        USHER_TRUSTED_PROXIES: item 2 must be an address such as "10.1.2.3", or a network such as "10.0.0.0/8"
    "#]],
    );
}
