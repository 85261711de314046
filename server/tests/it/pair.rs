//! Pair: a certificate and its key in files of their own, and sockets of peers that know it.

use std::{
    env, fs,
    path::PathBuf,
    pin::Pin,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use protocol::body;
use serde_json::Value;
use server::{config::Config, tls::Files};
use tokio::{
    io::{self, AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

use crate::{
    call::{Caller, Stream},
    node::{Node, config, soon, text},
    peer::{Peer, Session, handshake},
};

/// The versions that are spoken.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A session within TLS.
pub(crate) type Secured = Session<TlsStream<TcpStream>>;

/// The name in all certificates.
const NAME: &str = "usher.test";

/// Two files.
pub(crate) struct Pair {
    folder: PathBuf,
    cert: CertificateDer<'static>,
}

impl Pair {
    /// A new pair in files of its own, which go with it.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("usher-pair-{}-{number}", process::id()));
        fs::create_dir(&folder).unwrap();
        let mut pair = Self { folder, cert: CertificateDer::from_slice(&[]) };
        pair.renew();
        pair
    }

    /// Another pair in the same files; peers know it from now on, and the old one no more.
    pub(crate) fn renew(&mut self) {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let files = self.files();
        fs::write(files.cert, made.cert.pem()).unwrap();
        fs::write(files.key, made.signing_key.serialize_pem()).unwrap();
        self.cert = made.cert.der().clone();
    }

    pub(crate) fn files(&self) -> Files {
        Files { cert: self.folder.join("cert.pem"), key: self.folder.join("key.pem") }
    }

    /// What a node under test runs with that shows it.
    pub(crate) fn config(&self) -> Config {
        Config { tls: Some(self.files()), ..config() }
    }

    /// What a peer goes by that knows it.
    pub(crate) fn known(&self, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.cert.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config).into()
    }

    /// TLS over a socket.
    pub(crate) async fn over<S: Stream>(&self, stream: S) -> io::Result<TlsStream<S>> {
        shake(&self.known(&VERSIONS), stream).await
    }

    /// Someone who speaks HTTP within TLS.
    pub(crate) async fn caller(&self, node: &Node) -> Caller<TlsStream<TcpStream>> {
        Caller::over(self.over(socket(node).await).await.unwrap())
    }

    /// A session within TLS, with a ticket as asked for.
    pub(crate) async fn join(&self, node: &Node, request: &Value) -> Secured {
        self.join_over(socket(node).await, &ticket(node, request).await).await
    }

    /// A session with this proof, within TLS over a socket that is there.
    pub(crate) async fn join_over<S: Stream>(
        &self,
        stream: S,
        proof: &str,
    ) -> Session<TlsStream<S>> {
        open(self.over(stream).await.unwrap(), proof).await
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// TLS over a socket, or why not.
pub(crate) async fn shake<S: Stream>(known: &TlsConnector, stream: S) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(NAME).unwrap();
    soon("a handshake", known.connect(name, stream)).await
}

/// A socket to a node.
pub(crate) async fn socket(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The session that opens with this proof, such as `ticket.…`.
pub(crate) async fn open<S: Stream>(stream: S, proof: &str) -> Session<S> {
    let offer = format!("usher.v1, {proof}");
    let head = handshake("", &[("Sec-WebSocket-Protocol", &offer)]);
    Session::welcomed(Peer::over(Caller::over(stream), &head, &[]).await.unwrap()).await
}

/// A ticket, past HTTP.
pub(crate) async fn ticket(node: &Node, request: &Value) -> String {
    let request = body::read(request.to_string().as_bytes()).unwrap();
    let minted = node.running.node().mint(request).await.unwrap();
    let minted = serde_json::to_value(minted).unwrap();
    format!("ticket.{}", text(&minted["ticket"]))
}

/// A stream that takes at most so many bytes at once, over and over.
#[derive(Debug)]
pub(crate) struct Cut<S> {
    stream: S,
    cuts: Vec<usize>,
    next: usize,
}

impl<S> Cut<S> {
    pub(crate) fn new(stream: S, cuts: Vec<usize>) -> Self {
        Self { stream, cuts, next: 0 }
    }
}

impl<S: Stream> AsyncRead for Cut<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: Stream> AsyncWrite for Cut<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let cut = self.cuts[self.next % self.cuts.len()].min(bytes.len());
        let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..cut]);
        if written.is_ready() {
            self.next += 1;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
