//! Tests of answers.

use super::{Malformed, read};

#[test]
fn an_answer_is_read_when_it_is_whole() {
    let bytes = b"HTTP/1.1 201 Created\r\nContent-Type: x\r\ncontent-length: 3\r\n\r\nabcHTTP";
    for cut in 0..bytes.len() - 4 {
        assert_eq!(read(&bytes[..cut]), Ok(None), "{cut}");
    }
    let answer = read(bytes).unwrap().unwrap();
    assert_eq!((answer.status, answer.body), (201, &b"abc"[..]));
    assert_eq!(&bytes[answer.length..], b"HTTP");
}

#[test]
fn an_open_websocket_has_no_body() {
    let answer = read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02{}").unwrap().unwrap();
    assert_eq!((answer.status, answer.body), (101, &b""[..]));
    assert_eq!(answer.head.len(), answer.length);
}

#[test]
fn what_is_no_answer_is_refused() {
    for bytes in [
        "SSH-2.0\r\n\r\n",
        "HTTP/1.1 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(read(bytes.as_bytes()), Err(Malformed), "{bytes}");
    }
}
