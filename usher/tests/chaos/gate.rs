//! Gate: an address before another one. Whoever comes there goes on by one of some ways.
//!
//! Before a node there is one way. Before a server of Redis there is one for each node, so that
//! one node can be cut off and the others not; a node is known there by the user that its URL names,
//! which is the first that it says. All nodes come to the same address, since servers announce one
//! to all, and since a list of servers must be the same for all. Replicas come there too, and have a
//! way of their own. Others pass unharmed: Sentinels, who must see what is so.

use std::{collections::BTreeMap, net::SocketAddr};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::way::Way;

/// Who says this first, and not who they are, are replicas.
pub(crate) const REPLICA: &str = "PING";

/// Most that is looked at to know who somebody is.
const SAID_MAX: usize = 512;

/// By which way to go.
#[derive(Debug, Clone)]
pub(crate) enum Ways {
    One(Way),
    /// The way of whoever has this name.
    Named(BTreeMap<String, Way>),
}

/// An address before another one.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    door: JoinHandle<()>,
}

impl Gate {
    /// One before `far`.
    pub(crate) async fn before(far: SocketAddr, ways: Ways) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let door = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let ways = ways.clone();
                tokio::spawn(async move {
                    match ways.of(&near).await {
                        Some(way) => way.pass(near, far).await,
                        None => Way::default().pass(near, far).await,
                    }
                });
            }
        });
        Ok(Self { address, door })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.door.abort();
    }
}

impl Ways {
    async fn of(&self, near: &TcpStream) -> Option<Way> {
        match self {
            Self::One(way) => Some(way.clone()),
            Self::Named(ways) => {
                let mut said = [0; SAID_MAX];
                let count = near.peek(&mut said).await.ok()?;
                ways.get(&name(&said[..count])?).cloned()
            }
        }
    }
}

/// Who says this first: the user of `HELLO 3 AUTH user password`, or the one word that it is.
fn name(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    // Each word is a line behind one that tells its length.
    let mut words = said.lines().filter(|line| !line.starts_with(['*', '$']));
    let first = words.next()?;
    match first {
        "HELLO" => words.skip_while(|word| *word != "AUTH").nth(1).map(str::to_owned),
        other => Some(other.to_owned()),
    }
}

#[test]
fn a_node_is_known_by_its_user_and_a_replica_by_its_ping() {
    let node = b"*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$2\r\nn1\r\n$4\r\nopen\r\n*4\r\n";
    assert_eq!(name(node).as_deref(), Some("n1"));
    assert_eq!(name(b"*1\r\n$4\r\nPING\r\n").as_deref(), Some(REPLICA));
    assert_ne!(name(b"*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n").as_deref(), Some(REPLICA));
}
