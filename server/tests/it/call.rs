//! Call: HTTP by hand, so that what is on the wire is what the test says.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::node::{KEY, soon};

/// An answer to a request.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    /// Reads a head, and how long it is, if it is there as a whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.map(header).collect();
        Some((Self { status, headers, body: String::new() }, end))
    }

    /// The value of a header, if it is there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The `code` of a problem, which must have everything that a problem has.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let problem: protocol::problem::Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status, "{self:?}");
        assert_eq!(problem.r#type, format!("/problems/{}", problem.code), "{self:?}");
        assert_eq!(self.header("x-request-id"), Some(problem.request_id.as_str()), "{self:?}");
        let seconds = problem.retry_ms.map(|ms| ms.div_ceil(1000).max(1).to_string());
        assert_eq!(self.header("retry-after"), seconds.as_deref(), "{self:?}");
        problem.code
    }
}

/// What bytes go over: a socket, or TLS on one.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Someone who speaks HTTP over one socket.
#[derive(Debug)]
pub(crate) struct Caller<S = TcpStream> {
    pub(crate) stream: S,
    /// What came and was not looked at yet.
    came: Vec<u8>,
}

impl Caller {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// The same from another address of this machine.
    pub(crate) async fn open_from(from: [u8; 4], address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        let stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// A call with these headers and no others, over a socket of its own.
    pub(crate) async fn once(
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &str,
    ) -> Response {
        let mut caller = Self::open(address).await;
        let head = format!("{method} {path} HTTP/1.1\r\nHost: usher\r\n{headers}\r\n");
        caller.write(head.as_bytes()).await;
        caller.response().await
    }

    /// Writes one byte, then waits a while; tells whether the other side still listens.
    pub(crate) async fn trickle(&mut self, byte: u8) -> std::io::Result<()> {
        self.stream.write_all(&[byte]).await?;
        let said = tokio::time::timeout(Duration::from_millis(200), self.stream.readable()).await;
        if said.is_ok() { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
    }
}

impl<S: Stream> Caller<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, came: Vec::new() }
    }

    /// Writes bytes as they are. A peer that has closed by then may have said why before.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
        self.stream.flush().await.ok();
    }

    /// A call with the key; its answer.
    pub(crate) async fn call(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        self.call_with(method, path, &[], body.as_bytes()).await
    }

    /// A call with the key that must succeed; its body.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.call(method, path, body).await;
        assert_eq!(response.status, 200, "{method} {path}: {response:?}");
        response.json()
    }

    /// A call with the key and more headers.
    pub(crate) async fn call_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        self.write(&[head.as_bytes(), body].concat()).await;
        self.response().await
    }

    /// The next answer.
    pub(crate) async fn response(&mut self) -> Response {
        soon("an answer", self.read_response()).await.expect("an answer before the end")
    }

    /// The next answer, of which only the head comes.
    pub(crate) async fn only_head(&mut self) -> Response {
        let (response, head) =
            soon("an answer", self.read_head()).await.expect("an answer before the end");
        self.came.drain(..head);
        response
    }

    async fn read_head(&mut self) -> Option<(Response, usize)> {
        loop {
            if let Some(found) = Response::parse(&self.came) {
                return Some(found);
            }
            self.read().await?;
        }
    }

    async fn read_response(&mut self) -> Option<Response> {
        let (mut response, head) = self.read_head().await?;
        let length = match response.header("content-length") {
            Some(length) => length.parse().unwrap(),
            None => 0,
        };
        while self.came.len() < head + length {
            self.read().await?;
        }
        response.body = String::from_utf8(self.came[head..head + length].to_vec()).unwrap();
        self.came.drain(..head + length);
        Some(response)
    }

    async fn read(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.came).await {
            Ok(0) => None,
            Ok(_) => Some(()),
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.came)),
        }
    }

    /// Waits until the other side has closed in good order, and said nothing more.
    pub(crate) async fn closed(&mut self) {
        soon("the end", self.stream.read_to_end(&mut self.came)).await.unwrap();
        assert!(self.came.is_empty(), "{:?}", String::from_utf8_lossy(&self.came));
    }

    /// What was read beyond the last answer, and the socket.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.came)
    }
}
