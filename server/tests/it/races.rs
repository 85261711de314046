//! Races for a place: whoever meets whom at the worst moment, one has it in the end, the others are
//! told so, and registry and sockets agree.

use std::sync::atomic::{AtomicU32, Ordering};

use protocol::limit::{PROBE_SHARED, PROBE_WAIT};
use serde_json::{Value, json};
use server::clock::Clock;

use crate::{
    frame::Frame,
    lanes::{knock, knock_at_once, last_words, registered, run, sockets, wide_open},
    node::{Node, passed, text, with_node},
    peer::{Peer, Session},
};

/// Who wants the one place.
const RACERS: usize = 16;

/// Offers of as many tickets for one place.
async fn offers(node: &Node, user: &str, when_full: &str) -> Vec<String> {
    let request = json!({"user": user, "policy": {"max": 1, "when_full": when_full}});
    let mut caller = node.caller().await;
    let mut offers = Vec::new();
    for _ in 0..RACERS {
        let reply = caller.call("POST", "/v1/tickets", &request).await.json();
        offers.push(format!("usher.v1, ticket.{}", text(&reply["ticket"])));
    }
    offers
}

/// The one session that a user has, by the registry's word.
async fn holder(node: &Node, user: &str) -> String {
    let sessions = registered(node, user).await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["state"], "live");
    text(&sessions[0]["id"])
}

/// What is sent to the user reaches this session, and no other counts.
async fn is_the_only_one(node: &Node, user: &str, session: &mut Session) {
    let sent = node.send(user, &json!({"data": "only one"})).await;
    assert_eq!((&sent["live"], &sent["parked"]), (&json!(1), &json!(0)), "{sent}");
    assert_eq!(session.message().await["id"], sent["id"]);
    session.in_step().await;
}

/// The one who has the place in the end, and how each of the others fared.
async fn sorted(peers: Vec<Peer>, holder: &str) -> (Session, Vec<(Vec<Value>, u16)>) {
    let (mut winner, mut others) = (None, Vec::new());
    for mut peer in peers {
        match peer.next().await {
            Some(Frame::Text(first)) => {
                let first: Value = serde_json::from_str(&first).unwrap();
                if first["session"] == holder {
                    assert!(winner.replace(Session::with(peer, first)).is_none());
                    continue;
                }
                let (mut frames, code) = last_words(&mut peer).await;
                frames.insert(0, first);
                others.push((frames, code));
            }
            Some(Frame::Close(Some((code, _)))) => {
                peer.at_end().await;
                others.push((Vec::new(), code));
            }
            other => panic!("{other:?}"),
        }
    }
    (winner.expect("who has the place was welcomed"), others)
}

#[test]
fn of_many_that_race_for_one_place_the_last_has_it_and_the_others_were_replaced() {
    with_node(wide_open(), async |node| {
        run(node, "replace", async |user, _| {
            let offers = offers(node, user, "replace").await;
            let peers = knock_at_once(node, &offers).await;
            let (mut winner, others) = sorted(peers, &holder(node, user).await).await;
            assert_eq!(others.len(), RACERS - 1);
            for (frames, code) in others {
                assert_eq!(code, 4409, "{frames:?}");
                // Who was replaced while still on the way in is only closed.
                let [welcome, closing] = &frames[..] else {
                    assert!(frames.is_empty(), "{frames:?}");
                    continue;
                };
                assert_eq!((&welcome["type"], &closing["code"]), (&json!("welcome"), &json!(4409)));
                assert_ne!(closing["by"]["session"], welcome["session"]);
            }
            is_the_only_one(node, user, &mut winner).await;
            winner.send(&json!({"type": "leave"})).await;
        });
    });
}

#[test]
fn h16_of_many_that_race_for_one_place_one_has_it_and_the_others_keep_their_tickets() {
    with_node(wide_open(), async |node| {
        run(node, "reject", async |user, _| {
            let offers = offers(node, user, "reject").await;
            let peers = knock_at_once(node, &offers).await;
            let first = holder(node, user).await;
            let (mut winner, others) = sorted(peers, &first).await;
            assert!(others.iter().all(|(frames, code)| frames.is_empty() && *code == 4423));
            is_the_only_one(node, user, &mut winner).await;

            // One ticket is spent; when its session is gone, another one is good for the place.
            winner.send(&json!({"type": "leave"})).await;
            winner.closed_with(1000, "").await;
            let peers = knock_at_once(node, &offers).await;
            let second = holder(node, user).await;
            let (mut winner, others) = sorted(peers, &second).await;
            let count = |code| others.iter().filter(|(_, told)| *told == code).count();
            assert_eq!((count(4201), count(4423)), (1, RACERS - 2), "{others:?}");
            is_the_only_one(node, user, &mut winner).await;
            winner.send(&json!({"type": "leave"})).await;
        });
    });
}

#[test]
fn h16_a_place_held_by_a_dead_socket_goes_to_one_of_those_who_race_for_it() {
    const USERS: usize = 60;
    with_node(wide_open(), async |node| {
        let mut tried = Vec::new();
        for number in 0..USERS {
            let user = format!("dead-{number}");
            let mut offers = offers(node, &user, "reject").await;
            let old = Session::welcomed(node.dial("", &offers.pop().unwrap()).await).await;
            tried.push((user, offers, old));
        }
        // From then on it does not count as heard of any more.
        passed(Clock::timestamp().after(PROBE_SHARED)).await;
        let asked_at = Clock::timestamp();
        let mut racing = Vec::new();
        for (user, offers, old) in tried {
            let mut sockets = sockets(node, offers.len()).await;
            for (socket, offer) in sockets.iter_mut().zip(&offers) {
                knock(socket, offer).await;
            }
            racing.push((user, sockets, old));
        }
        for (user, sockets, mut old) in racing {
            let mut peers = Vec::new();
            for socket in sockets {
                peers.push(Peer::answered(socket).await.unwrap());
            }
            assert!(Clock::timestamp() >= asked_at.after(PROBE_WAIT));
            let (mut winner, others) = sorted(peers, &holder(node, &user).await).await;
            // The first is there by the time that the others ask again, or is not proven yet.
            assert!(others.iter().all(|(_, code)| matches!(code, 4423 | 4003)), "{others:?}");
            let (told, code) = last_words(&mut old).await;
            assert_eq!((told, code), (vec![json!({"type": "ping"})], 4002));
            is_the_only_one(node, &user, &mut winner).await;
        }
    });
}

#[test]
fn a_session_that_is_replaced_while_it_comes_back_is_served_no_more() {
    let (refused, served) = (AtomicU32::new(0), AtomicU32::new(0));
    with_node(wide_open(), async |node| {
        run(node, "replaced", async |user, number| {
            let request = json!({"user": user, "policy": "single"});
            let old = node.join_with(&request).await;
            let mut watch = node.watch();
            let resume = format!("usher.v1, resume.{}, after.{}", old.token, old.position);
            let ticket = format!("usher.v1, ticket.{}", node.ticket(&request).await);
            // Parked, or with a socket that is taken over.
            let mut open = None;
            match number % 2 {
                0 => {
                    old.peer.vanish();
                    watch.parked(&old.id).await;
                }
                _ => open = Some(old.peer),
            }
            let offers = match number % 4 {
                0 | 1 => [resume, ticket],
                _ => [ticket, resume],
            };
            let peers = knock_at_once(node, &offers).await;
            let new = holder(node, user).await;
            assert_ne!(new, old.id);
            let sent = node.send(user, &json!({"data": "not for the old one"})).await;
            assert_eq!((&sent["live"], &sent["parked"]), (&json!(1), &json!(0)), "{sent}");

            let (mut winner, others) = sorted(peers, &new).await;
            let [(frames, 4409)] = &others[..] else { panic!("{others:?}") };
            let kinds: Vec<&str> = frames.iter().map(|f| f["type"].as_str().unwrap()).collect();
            match kinds[..] {
                // It was refused, or replaced on the way in.
                [] => drop(refused.fetch_add(1, Ordering::Relaxed)),
                ["welcome", "caught_up", "closing"] => {
                    served.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(frames[2]["by"]["session"], new);
                    // Its newest token is as good as none.
                    let token = text(&frames[0]["resume"]);
                    let mut again = node.try_resume(&token, &old.position).await;
                    again.closed_with(4409, "replaced").await;
                }
                _ => panic!("{frames:?}"),
            }
            if let Some(mut open) = open {
                let (frames, code) = last_words(&mut open).await;
                assert!(matches!(code, 4205 | 4409), "{code} {frames:?}");
                assert!(frames.iter().all(|frame| frame["type"] == "closing"), "{frames:?}");
            }
            let mut again = node.try_resume(&old.token, &old.position).await;
            again.closed_with(4409, "replaced").await;
            assert_eq!(winner.message().await["id"], sent["id"]);
            winner.in_step().await;
            winner.send(&json!({"type": "leave"})).await;
        });
    });
    // Both happened, so they did meet.
    assert!(refused.into_inner() > 0 && served.into_inner() > 0);
}

#[test]
fn of_two_sockets_that_resume_at_once_one_goes_on_with_the_session() {
    with_node(wide_open(), async |node| {
        run(node, "twice", async |user, number| {
            let old = node.join(user).await;
            let mut watch = node.watch();
            let missed = match number % 2 {
                0 => {
                    old.peer.vanish();
                    watch.parked(&old.id).await;
                    Some(node.send(user, &json!({"data": "missed"})).await)
                }
                // Its socket is open, and taken over by both.
                _ => None,
            };
            let resume = format!("usher.v1, resume.{}, after.{}", old.token, old.position);
            let peers = knock_at_once(node, &[resume.clone(), resume]).await;
            assert_eq!(holder(node, user).await, old.id);
            let sent = node.send(user, &json!({"data": "who gets this?"})).await;
            assert_eq!((&sent["live"], &sent["parked"]), (&json!(1), &json!(0)), "{sent}");

            let (mut told, mut holders) = (Vec::new(), Vec::new());
            for mut peer in peers {
                let mut frames = Vec::new();
                let ended = loop {
                    match peer.next().await {
                        Some(Frame::Text(text)) => {
                            let frame: Value = serde_json::from_str(&text).unwrap();
                            let is_last = frame["id"] == sent["id"];
                            frames.push(frame);
                            if is_last {
                                break None;
                            }
                        }
                        Some(Frame::Close(Some((code, _)))) => break Some(code),
                        other => panic!("{other:?}"),
                    }
                };
                match ended {
                    None => holders.push((peer, frames)),
                    Some(code) => {
                        peer.at_end().await;
                        told.push(code);
                    }
                }
            }
            assert_eq!((told, holders.len()), (vec![4205], 1));
            let (mut peer, frames) = holders.remove(0);
            assert_eq!(frames[0]["type"], "welcome");
            let messages = frames.iter().filter(|frame| frame["type"] == "message");
            let got: Vec<&Value> = messages.map(|message| &message["id"]).collect();
            let missed = missed.as_ref().map(|missed| &missed["id"]);
            assert_eq!(got, missed.into_iter().chain([&sent["id"]]).collect::<Vec<_>>());
            if frames.iter().all(|frame| frame["type"] != "caught_up") {
                peer.typed("caught_up").await;
            }
            peer.in_step().await;
            // It has shown that it has its welcome, so the token of before is void.
            let mut third = node.try_resume(&old.token, &old.position).await;
            third.closed_with(4202, "cannot-resume").await;
            peer.send(&json!({"type": "leave"})).await;
        });
    });
}
