//! Tamper: a way to a node on which one message suffers a fault.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

/// How a message's frame begins.
const MESSAGE: &[u8] = br#"{"type":"message""#;

/// Which of the messages suffers.
const VICTIM: u32 = 10;

/// What happens to it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Lose,
    Double,
}

/// One that passes everything on but for that message, as long as the test runs.
#[derive(Debug)]
pub(crate) struct Tampering {
    pub(crate) address: String,
}

impl Tampering {
    /// Starts one before a node.
    pub(crate) fn start(node: &str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound").to_string();
        let node = node.to_owned();
        let messages = Arc::new(AtomicU32::new(0));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&node).expect("the node listens");
                let (near_too, far_too) = (near.try_clone(), far.try_clone());
                let (near_too, far_too) = (near_too.expect("it is open"), far_too.expect("it is"));
                let messages = Arc::clone(&messages);
                thread::spawn(move || pass(near, far, |bytes, to| to.write_all(bytes)));
                thread::spawn(move || {
                    pass(far_too, near_too, |bytes, to| {
                        let is_message = bytes.windows(MESSAGE.len()).any(|part| part == MESSAGE);
                        // A frame for a session of its own comes alone.
                        if is_message && messages.fetch_add(1, Ordering::Relaxed) == VICTIM {
                            return match fault {
                                Fault::Lose => Ok(()),
                                Fault::Double => to.write_all(&[bytes, bytes].concat()),
                            };
                        }
                        to.write_all(bytes)
                    });
                });
            }
        });
        Self { address }
    }
}

/// Passes on what comes, until either side is gone.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    mut act: impl FnMut(&[u8], &mut TcpStream) -> std::io::Result<()>,
) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if act(&buffer[..read], &mut to).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}
