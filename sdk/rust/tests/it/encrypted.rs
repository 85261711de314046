//! Encrypted: `wss://`, with certificates of authorities that the app names.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;
use usher_client::{Cause, Session, State};

use crate::fake::{Client, Fake, Peer, quick, soon};

/// An authority's certificate as PEM, and a server that it vouches for.
fn authority() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let certificate = params.unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn a_session_speaks_tls_with_a_server_that_its_app_trusts() {
    let (pem, acceptor) = authority();
    for host in ["127.0.0.1", "localhost"] {
        let fake = Fake::start().await;
        let url = fake.url.replace("ws://127.0.0.1", &format!("wss://{host}"));
        let builder = Session::builder(url).pace(quick()).root_certificates(pem.clone());
        let mut client = Client::start(builder);
        let stream = soon(Box::pin(acceptor.accept(fake.tcp().await))).await.unwrap();
        let mut peer = Box::pin(Peer::shake_hands(stream)).await;
        peer.welcome(1, "p0", false).await;
        peer.message(1).await;
        assert_eq!(client.number().await, 1);
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_no_ticket() {
    let (_, acceptor) = authority();
    let fake = Fake::start().await;
    let client = Client::start(Session::builder(fake.url.replace("ws:", "wss:")).pace(quick()));
    let door = tokio::spawn(async move {
        loop {
            assert!(soon(Box::pin(acceptor.accept(fake.tcp().await))).await.is_err());
        }
    });
    let unknown = |state: &State| match state {
        State::Waiting { cause: Cause::Unreachable(why), .. } => why.contains("UnknownIssuer"),
        _ => false,
    };
    client.state(unknown).await;
    assert!(!door.is_finished());
}
