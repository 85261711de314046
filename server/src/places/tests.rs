//! Who is asked to go, and when.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::*;

fn is_asked(place: &mut Place) -> bool {
    let wanted = pin!(place.wanted());
    matches!(wanted.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

fn asked(places: &mut [Place]) -> Vec<usize> {
    (0..places.len()).filter(|n| is_asked(&mut places[*n])).collect()
}

#[test]
fn as_long_as_there_is_room_nobody_is_asked_to_go() {
    let mut places = Places::new(3);
    let mut held: Vec<_> = (0..3).map(|_| places.take()).collect();
    assert!(asked(&mut held).is_empty());
}

#[test]
fn who_is_there_longest_is_asked_first() {
    let mut places = Places::new(3);
    let mut held: Vec<_> = (0..5).map(|_| places.take()).collect();
    assert_eq!(asked(&mut held), [0, 1]);
}

#[test]
fn who_has_gone_leaves_room() {
    let mut places = Places::new(3);
    let mut held: Vec<_> = (0..3).map(|_| places.take()).collect();
    drop(held.drain(1..));
    held.extend((0..2).map(|_| places.take()));
    assert!(asked(&mut held).is_empty());
    held.push(places.take());
    assert_eq!(asked(&mut held), [0]);
}

#[test]
fn who_comes_and_goes_is_not_remembered() {
    let mut places = Places::new(3);
    for _ in 0..1000 {
        drop(places.take());
        assert!(places.taken.len() <= 3);
    }
}

#[test]
fn who_has_gone_is_forgotten_long_before_room_is_scarce() {
    let mut places = Places::new(100_000);
    let _held: Vec<_> = (0..100).map(|_| places.take()).collect();
    for _ in 0..1000 {
        drop(places.take());
        assert!(places.taken.len() <= 201);
    }
}
