//! Which files make a pair, and what is said of the others.

use std::{io, path::Path};

use expect_test::{Expect, expect};

use super::super::fixture::{Made, files};

/// What is said of files with these texts.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "expectations are written in place")]
fn check(cert: &str, key: &str, expected: Expect) {
    let made = Made { cert: cert.to_owned(), key: key.to_owned() };
    let said = match files().pair(&|path| made.read(path)) {
        Ok(_) => "a pair".to_owned(),
        Err(unusable) => format!("{:?}: {unusable}", unusable.which),
    };
    expected.assert_eq(&said);
}

fn pem(label: &str, base64: &str) -> String {
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

#[test]
fn a_certificate_and_its_key_make_a_pair() {
    let made = Made::new();
    check(&made.cert, &made.key, expect!["a pair"]);
    // What stands around them, and what stands behind the first, is not looked at.
    let chain = format!("a comment\n{}{}", made.cert, Made::new().cert);
    check(&chain, &format!("{}{}", made.cert, made.key), expect!["a pair"]);
}

#[test]
fn c3_what_is_no_pair_is_told_by_the_name_of_the_file() {
    let made = Made::new();
    let (cert, key) = (made.cert.as_str(), made.key.as_str());
    check("", key, expect!["Cert: there is no certificate in cert.pem, in PEM form"]);
    check(cert, "", expect!["Key: there is no private key in key.pem, in PEM form"]);
    check(key, cert, expect!["Cert: there is no certificate in cert.pem, in PEM form"]);
    check(cert, cert, expect!["Key: there is no private key in key.pem, in PEM form"]);
    let cut = cert.split("-----END").next().unwrap();
    check(cut, key, expect!["Cert: the certificate in cert.pem has no END line"]);
    let cut = key.split("-----END").next().unwrap();
    check(cert, cut, expect!["Key: the private key in key.pem has no END line"]);
    let holed = cert.replacen("MII", "M!!", 1);
    check(&holed, key, expect!["Cert: the certificate in cert.pem is not Base64"]);
    check(
        &pem("CERTIFICATE", "AAAA"),
        key,
        expect!["Cert: the certificate in cert.pem cannot be used: BadEncoding"],
    );
    check(
        cert,
        &pem("PRIVATE KEY", "AAAA"),
        expect![[r#"
            Key: the key in key.pem cannot be used: it must be RSA of 2048 to 8192 bits, ECDSA on P-256 or P-384, or Ed25519"#]],
    );
    check(
        cert,
        &Made::new().key,
        expect!["Key: the key in key.pem is not that of the certificate in cert.pem"],
    );
}

#[test]
fn c3_a_key_with_a_passphrase_is_told_how_to_take_it_off() {
    let cert = Made::new().cert;
    for key in [
        pem("ENCRYPTED PRIVATE KEY", "AAAA"),
        pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA"),
    ] {
        check(
            &cert,
            &key,
            expect![
                "Key: the key in key.pem has a passphrase, which nobody is there to type; write it without: openssl pkey -in key.pem -out NEW_FILE"
            ],
        );
    }
}

#[test]
fn c3_a_file_that_cannot_be_read_is_told_with_the_reason() {
    let made = Made::new();
    for missing in ["cert.pem", "key.pem"] {
        let read = |path: &Path| match path.to_str() == Some(missing) {
            true => Err(io::Error::other("no such file")),
            false => made.read(path),
        };
        let unusable = files().pair(&read).unwrap_err();
        assert_eq!(unusable.to_string(), format!("cannot read {missing}: no such file"));
    }
}

#[test]
fn c12_nothing_of_a_key_is_shown() {
    let made = Made::new();
    let secret = made.key.lines().nth(1).unwrap();
    let shown = format!("{:?}", made.pair());
    assert!(!shown.contains(secret) && shown == "Pair", "{shown}");
    for broken in [format!("-----BEGIN {secret}\n{}", made.key), made.key.replacen('M', "!", 1)] {
        let broken = Made { key: broken, ..made.clone() };
        if let Err(unusable) = files().pair(&|path| broken.read(path)) {
            assert!(!format!("{unusable:?}{unusable}").contains(&secret[..8]), "{unusable}");
        }
    }
}
