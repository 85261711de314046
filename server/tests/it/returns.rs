//! Returns: sessions that come back again and again, whatever was lost on the way.

use serde_json::{Value, json};

use crate::{
    lanes::{knock_at_once, last_words, run, wide_open},
    node::{Node, text, with_node},
    peer::{Peer, Session},
};

/// How often a session comes back in one run.
const RETURNS: u32 = 4;

async fn refused(node: &Node, token: &str, after: &str) {
    node.try_resume(token, after).await.closed_with(4202, "cannot-resume").await;
}

#[test]
fn a_session_whose_welcome_was_lost_comes_back_with_the_token_it_knows() {
    with_node(wide_open(), async |node| {
        run(node, "lost", async |user, number| {
            let session = node.join(user).await;
            let (known, position) = (session.token.clone(), session.position.clone());
            session.peer.reset();
            // The socket is cut when the answer to the handshake is there, before its welcome is
            // read, once or several times.
            for _ in 0..=number % 3 {
                let offer = format!("usher.v1, resume.{known}, after.{position}");
                for peer in knock_at_once(node, &[offer]).await {
                    peer.reset();
                }
            }
            let mut back = node.resume(&known, &position).await;
            assert_eq!(back.welcome["session"], session.id);
            back.caught_up().await;
            back.in_step().await;
            // From its first frame on only the newest token is good.
            refused(node, &known, &position).await;
            let mut watch = node.watch();
            let newest = back.token.clone();
            back.peer.vanish();
            watch.parked(&session.id).await;
            refused(node, &known, &position).await;
            let mut last = node.resume(&newest, &position).await;
            assert_eq!(last.welcome["session"], session.id);
            last.caught_up().await;
            last.in_step().await;
            refused(node, &newest, &position).await;
            refused(node, &known, &position).await;
            last.send(&json!({"type": "leave"})).await;
        });
    });
}

/// Someone who comes back, and what arrived so far.
struct Device {
    token: String,
    position: String,
    got: Vec<Value>,
}

impl Device {
    /// Comes back, reads until it has caught up, and then as many messages as they come.
    async fn come_back(&mut self, node: &Node, mut more: u32) -> Peer {
        let mut back = node.resume(&self.token, &self.position).await;
        self.token.clone_from(&back.token);
        let mut caught_up = false;
        while !caught_up || more > 0 {
            let frame = back.json().await;
            match frame["type"].as_str() {
                Some("message") => {
                    self.got.push(frame["data"].clone());
                    self.position = text(&frame["position"]);
                    assert_eq!(frame.get("replayed").is_some(), !caught_up, "{frame}");
                    more = more.saturating_sub(u32::from(caught_up));
                }
                Some("caught_up") if !caught_up => caught_up = true,
                _ => panic!("{frame}"),
            }
        }
        back.peer
    }
}

#[test]
fn messages_that_are_sent_while_a_session_comes_and_goes_arrive_once_and_in_order() {
    with_node(wide_open(), async |node| {
        run(node, "busy", async |user, number| {
            let Session { mut peer, token, position, .. } = node.join(user).await;
            let (done, stop) = tokio::sync::watch::channel(false);
            let sender = async {
                let (mut caller, mut sent) = (node.caller().await, 0_u32);
                while !*stop.borrow() {
                    let path = format!("/v1/users/{user}/messages");
                    caller.ask("POST", &path, &json!({"data": sent})).await;
                    sent += 1;
                }
                sent
            };
            let receiver = async {
                let mut device = Device { token, position, got: Vec::new() };
                for way in number..number + RETURNS {
                    let open = match way % 3 {
                        0 => {
                            peer.vanish();
                            None
                        }
                        1 => {
                            peer.reset();
                            None
                        }
                        _ => Some(peer),
                    };
                    if way % 5 == 0 {
                        // Its welcome is lost.
                        node.try_resume(&device.token, &device.position).await.reset();
                    }
                    peer = device.come_back(node, way % 4).await;
                    if let Some(mut open) = open {
                        assert_eq!(last_words(&mut open).await.1, 4205);
                    }
                }
                done.send_replace(true);
                (device, peer)
            };
            let (sent, (mut device, peer)) = tokio::join!(sender, receiver);
            peer.vanish();
            device.come_back(node, 0).await;
            assert_eq!(device.got, (0..sent).map(Value::from).collect::<Vec<_>>());
        });
    });
}
