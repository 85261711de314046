//! TLS to Redis.

use kernel::registry::Proof;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

/// A server whose port speaks TLS, and who signed its certificate.
struct Secured {
    server: Server,
    ca_file: std::path::PathBuf,
}

impl Drop for Secured {
    fn drop(&mut self) {
        let folder = self.ca_file.parent().expect("it is in a folder of its own");
        std::fs::remove_dir_all(folder).ok();
    }
}

impl Ground for Secured {
    fn url(&self) -> String {
        format!("rediss://localhost:{}", self.server.port())
    }
}

async fn start() -> Secured {
    let folder = std::env::temp_dir().join(format!(
        "usher-tls-{}-{}",
        std::process::id(),
        server::free_port()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &issuer).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let [ca_file, cert, key_file] = ["ca.pem", "cert.pem", "key.pem"].map(path);
    std::fs::write(&ca_file, ca_certificate.pem()).unwrap();
    std::fs::write(&cert, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let settings = [
        "--port",
        "0",
        "--tls-port",
        "{port}",
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key_file,
        "--tls-ca-cert-file",
        &ca_file,
        "--tls-auth-clients",
        "no",
    ];
    let server = Server::start(&settings).await;
    Secured { server, ca_file: ca_file.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_cross_a_redis_that_speaks_tls() {
    let hall = Hall::at(start().await, "usher:");
    let options = Options { ca_file: Some(hall.server.ca_file.clone()), ..hall.options() };
    let (_, mut node) = hall.engine_with("n0", &options).await;
    let (_, other) = hall.engine_with("n1", &options).await;
    let alice = user("alice");
    let ticket = mint(&other, &alice, 1).await;
    place(&node, Proof::Ticket(ticket, None), 1).await.expect("there is a place");
    let sent = send(&other, &alice, 1).await;
    assert_eq!(next_position(&mut node, &alice).await, sent);
}

#[tokio::test]
async fn who_is_not_believed_or_speaks_no_tls_is_refused() {
    let secured = start().await;
    let url = secured.url().replace("://", "://:secret@");
    let at = format!("localhost:{}", secured.server.port());
    // Nobody of the web has signed it.
    let line = refusal(&options(&url)).await;
    let begin = format!("Redis at {at} has a certificate that is not believed: ");
    assert!(line.starts_with(&begin) && line.contains("engine.ca_file"), "{line}");
    let plain = Server::start(&[]).await;
    let with_ca = |url: &str| Options { ca_file: Some(secured.ca_file.clone()), ..options(url) };
    let line = refusal(&with_ca(&format!("rediss://:secret@localhost:{}", plain.port()))).await;
    let begin = format!("Redis at localhost:{} does not answer: ", plain.port());
    assert!(
        line.starts_with(&begin) && line.ends_with("a port for rediss must speak TLS"),
        "{line}"
    );
    // Its certificate has another name.
    let line = refusal(&with_ca(&url.replace("localhost", "127.0.0.1"))).await;
    let begin =
        format!("Redis at 127.0.0.1:{} has a certificate that is not", secured.server.port());
    assert!(line.starts_with(&begin), "{line}");
    let line = refusal(&options(&url.replace("rediss", "redis"))).await;
    assert!(line.starts_with(&format!("Redis at {at} does not answer: ")), "{line}");
    assert!(line.ends_with("; a port that speaks TLS wants rediss"), "{line}");
    let missing = Options { ca_file: Some("/nowhere/ca.pem".into()), ..options(&url) };
    let line = refusal(&missing).await;
    assert!(line.starts_with("engine.ca_file /nowhere/ca.pem: "), "{line}");
    let empty = secured.ca_file.with_file_name("key.pem");
    let line = refusal(&Options { ca_file: Some(empty.clone()), ..options(&url) }).await;
    let expected = format!("engine.ca_file {}: there is no certificate in it", empty.display());
    assert_eq!(line, expected);
}
