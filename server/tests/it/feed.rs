//! Feed: someone who watches events over HTTP, line by line.

use std::{net::SocketAddr, time::Duration};

use protocol::event::{Event, Number};
use serde_json::Value;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    call::Response,
    node::{KEY, Node, soon},
};

/// An open feed.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) stream: TcpStream,
    /// The answer's head.
    pub(crate) opened: Response,
    /// What came and is in chunks still.
    came: Vec<u8>,
    /// What came out of them and was not looked at yet.
    text: String,
    ended: bool,
}

/// Lines up to an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) comment: bool,
    pub(crate) retry: Option<u64>,
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or_else(|| panic!("{text:?}"));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            let told = match field {
                "" => {
                    block.comment = true;
                    continue;
                }
                "retry" => {
                    block.retry = Some(value.parse().unwrap());
                    continue;
                }
                "id" => &mut block.id,
                "event" => &mut block.event,
                "data" => &mut block.data,
                _ => panic!("{text:?}"),
            };
            assert!(told.replace(value).is_none(), "{field} is there twice: {text:?}");
        }
        block
    }

    /// The event in it, which must be one, under the name that the block says.
    pub(crate) fn told(&self) -> Event {
        let data = self.data.as_deref().unwrap_or_else(|| panic!("no event: {self:?}"));
        let event: Event = serde_json::from_str(data).unwrap();
        assert_eq!(self.event.as_deref(), Some(event.what.name()), "{self:?}");
        event
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.data.as_deref().unwrap()).unwrap()
    }

    pub(crate) fn number(&self) -> Number {
        self.id.as_deref().unwrap_or_else(|| panic!("no id: {self:?}")).parse().unwrap()
    }
}

/// How to ask for a feed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    pub(crate) query: String,
    pub(crate) after: Option<String>,
    /// Bytes that the system may keep for it; 0 for as many as usual.
    pub(crate) room: u32,
}

impl Node {
    /// Opens a feed; its first block has come.
    pub(crate) async fn feed(&self, query: &str) -> Feed {
        let ask = Ask { query: query.to_owned(), ..Ask::default() };
        let mut feed = self.feed_as(&ask).await;
        let first = feed.block().await;
        assert_eq!((first.retry, first.data.as_ref()), (Some(1000), None), "{first:?}");
        assert_eq!(first.number().node.as_ref(), "n1");
        feed
    }

    /// Opens a feed after an event.
    pub(crate) async fn feed_after(&self, query: &str, after: &str) -> Feed {
        let ask = Ask { query: query.to_owned(), after: Some(after.to_owned()), ..Ask::default() };
        let mut feed = self.feed_as(&ask).await;
        let first = feed.block().await;
        assert_eq!((first.retry, first.id.as_ref(), first.data.as_ref()), (Some(1000), None, None));
        feed
    }

    /// Asks for a feed; the answer's head has come.
    pub(crate) async fn try_feed(&self, ask: &Ask) -> Feed {
        Feed::open(self.address, ask).await
    }

    /// Opens a feed as asked for, which must be given.
    pub(crate) async fn feed_as(&self, ask: &Ask) -> Feed {
        let feed = self.try_feed(ask).await;
        assert_eq!(feed.opened.status, 200, "{:?}", feed.opened);
        assert_eq!(feed.opened.header("content-type"), Some("text/event-stream"));
        assert_eq!(feed.opened.header("cache-control"), Some("no-store"));
        assert_eq!(feed.opened.header("transfer-encoding"), Some("chunked"));
        feed
    }
}

impl Feed {
    async fn open(address: SocketAddr, ask: &Ask) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if ask.room > 0 {
            socket.set_recv_buffer_size(ask.room).unwrap();
        }
        let mut stream = socket.connect(address).await.unwrap();
        let mut head = format!(
            "GET /v1/events{} HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer {KEY}\r\n",
            ask.query
        );
        if let Some(after) = &ask.after {
            head += &format!("Last-Event-ID: {after}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
        let mut came = Vec::new();
        let (opened, length) = loop {
            if let Some(found) = Response::parse(&came) {
                break found;
            }
            assert_ne!(soon("a head", stream.read_buf(&mut came)).await.unwrap(), 0);
        };
        came.drain(..length);
        Self { stream, opened, came, text: String::new(), ended: false }
    }

    /// The next block; none at the end, which must be in good order.
    pub(crate) async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (Block::parse(block), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            if self.ended {
                assert_eq!(self.text, "", "a block is cut off");
                return None;
            }
            if !self.unpack() {
                let read = soon("an event", self.stream.read_buf(&mut self.came)).await.unwrap();
                assert_ne!(read, 0, "the feed is cut off");
            }
        }
    }

    /// Takes one chunk out (RFC 9112, section 7.1), if it is there as a whole.
    fn unpack(&mut self) -> bool {
        let Some(line) = self.came.windows(2).position(|two| two == b"\r\n") else { return false };
        let length = std::str::from_utf8(&self.came[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let end = line + 2 + length;
        if self.came.len() < end + 2 {
            return false;
        }
        self.text += std::str::from_utf8(&self.came[line + 2..end]).unwrap();
        assert_eq!(&self.came[end..end + 2], b"\r\n");
        self.came.drain(..end + 2);
        self.ended = length == 0;
        true
    }

    /// The next block, which must come.
    pub(crate) async fn block(&mut self) -> Block {
        self.next().await.expect("the feed goes on")
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Event {
        self.block().await.told()
    }

    /// Goes away without a word: RST.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(self.stream);
    }
}
