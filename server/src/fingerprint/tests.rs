//! Same and other requests.

use protocol::{frame::FromSession, frame::read};

use super::*;

#[test]
fn each_part_of_a_request_counts() {
    let one = of_request("/v1/a", b"{}");
    assert_eq!(one, of_request("/v1/a", b"{}"));
    for (path, body) in [("/v1/b", "{}"), ("/v1/a", "{ }"), ("/v1/a{", "}"), ("", "/v1/a{}")] {
        assert_ne!(one, of_request(path, body.as_bytes()), "{path} {body}");
    }
}

#[test]
fn each_field_of_a_frame_counts_but_its_ref() {
    let print = |more: &str| {
        let text = format!(r#"{{"type":"send","user":"bob","data":1{more}}}"#);
        match read(&text).unwrap().frame {
            FromSession::Send(frame) => of_frame(&frame),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(print(""), print(r#","ref":"a""#));
    let others = [
        r#","to":"active""#,
        r#","volatile":true"#,
        r#","ttl":1"#,
        r#","echo":false"#,
        r#","echo":true"#,
    ];
    let mut prints: Vec<_> = others.iter().map(|more| print(more)).collect();
    prints.push(print(""));
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), others.len() + 1);
}
