//! What a seat keeps.

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{fuzzing::codec::BOUNDS, ws::socket::Socket};

/// The beginning of a text that is never finished.
fn half_a_message() -> Vec<u8> {
    let mut bytes = vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
    bytes.resize(60_000, b' ');
    bytes
}

#[tokio::test]
async fn a_seat_without_its_socket_keeps_nothing_of_what_came() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let socket = Socket::Plain(stream).unwatch().unwrap();
    let mut state = State::new(socket, vec![0; 1000]);
    state.decoder.next(&mut half_a_message(), &BOUNDS).unwrap();
    assert!(state.decoder.held_bytes() > 50_000);
    assert!(state.take_socket().is_some());
    assert_eq!((state.decoder.held_bytes(), state.held.is_some()), (0, false));
}
