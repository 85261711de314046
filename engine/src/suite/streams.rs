//! Streams: what is kept can be read in order, and what is not is told.
#![expect(missing_docs, reason = "the names are sentences")]

use kernel::{
    registry::{Draft, Reader},
    stream::Page,
};
use protocol::{
    frame::{Gap, GapReason},
    position::Position,
};

use super::{
    Rig,
    stage::{Stage, data, grant, single, user},
};

pub async fn a_stream_is_read_on_in_pages(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let mut sent = Vec::new();
    for n in 0..11 {
        let draft = Draft { data: data(&"x".repeat(n * 7)), ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        sent.extend(receipt.position);
    }
    for (most, bytes) in [(1, 10_000), (3, 10_000), (4, 10_000), (100, 60), (100, 10_000)] {
        let (mut after, mut read) = (opened.joined, Vec::new());
        loop {
            let page = stage.read_some(&opened, after, most, bytes).await;
            let page = page.expect("the session stands");
            assert_eq!(page.gap, None);
            assert!(page.messages.len() <= most, "{page:?}");
            let all_but_last = page.messages.split_last().map_or(&[][..], |(_, rest)| rest);
            let size: usize = all_but_last.iter().map(|message| message.data.len()).sum();
            assert!(size < bytes, "no more after that many bytes: {page:?}");
            assert_eq!(page.messages.last().and_then(|m| m.position), Some(page.until));
            read.extend(page.messages.iter().filter_map(|m| m.position));
            assert!(page.until > after, "it goes on: {page:?}");
            after = page.until;
            if !page.more {
                break;
            }
        }
        assert_eq!(read, sent, "at most {most} messages and {bytes} bytes at a time");
    }
    let end = stage.read(&opened, sent[10]).await;
    assert_eq!(end, Page { gap: None, messages: vec![], until: sent[10], more: false });
}

pub async fn a_page_has_one_message_at_least(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let sent = [stage.number(&alice).await, stage.number(&alice).await];
    let page = stage.read_some(&opened, opened.joined, 1, 1).await.expect("the session stands");
    assert_eq!(page.messages.len(), 1);
    assert_eq!((page.until, page.more), (sent[0], true));
}

pub async fn a_message_whose_time_is_over_is_not_read_and_is_no_gap(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let mut kept = Vec::new();
    for ttl in [None, Some(stage.moment()), None, Some(stage.moment())] {
        let draft = Draft { ttl, ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        assert_eq!(receipt.parked, 1);
        kept.push(receipt.position.expect("somebody is there"));
    }
    stage.rig.pass(stage.moment()).await;
    let page = stage.read(&opened, opened.joined).await;
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, page.until, page.more), (None, kept[3], false));
    assert_eq!(read, [kept[0], kept[2]]);
    let page = stage.read(&opened, kept[2]).await;
    assert_eq!((page.gap, page.messages, page.until), (None, vec![], kept[3]));
}

pub async fn messages_beyond_the_bound_are_a_gap(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let (bound, mut sent) = (rig.terms().stream.messages, Vec::new());
    for _ in 0..bound + 3 {
        sent.push(stage.number(&alice).await);
        stage.all_mail().await;
    }
    let page = stage.read(&opened, opened.joined).await;
    let gap = Gap { after: opened.joined, until: sent[2], reason: GapReason::Overflow };
    assert_eq!(page.gap, Some(gap), "three were too many");
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!(read, sent[3..]);
    assert_eq!(stage.read(&opened, sent[2]).await.gap, None, "who saw these misses nothing");
}

pub async fn bytes_beyond_the_bound_are_a_gap(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    // Five of them are too much, with their quotes.
    let (text, mut sent) = ("x".repeat(rig.terms().stream.bytes / 5), Vec::new());
    for _ in 0..6 {
        let draft = Draft { data: data(&text), ..stage.draft() };
        let receipt = stage.engine(0).append(&alice, draft).await.expect("there is room");
        sent.extend(receipt.position);
    }
    let page = stage.read(&opened, opened.joined).await;
    let gap = Gap { after: opened.joined, until: sent[1], reason: GapReason::Overflow };
    assert_eq!(page.gap, Some(gap));
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!(read, sent[2..]);
}

pub async fn a_position_that_was_never_given_is_a_gap(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let (first, last) = (stage.number(&alice).await, stage.number(&alice).await);
    let strange = [
        Position { seq: last.seq + 1, ..last },
        Position { epoch: last.epoch + 1, ..first },
        Position { epoch: last.epoch - 1, ..first },
        Position { epoch: last.epoch - 1, seq: u64::MAX },
        Position { epoch: u64::MAX, seq: u64::MAX },
        Position::default(),
    ];
    for after in strange {
        let page = stage.read(&opened, after).await;
        let gap = page.gap.unwrap_or_else(|| panic!("{after} is taken for known"));
        assert_eq!((gap.after, gap.reason), (after, GapReason::Epoch));
        let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
        assert_eq!(read, [first, last], "all that is kept comes after the gap");
        assert!(gap.until < first);
    }
}

pub async fn a_stream_is_kept_longer_than_the_window(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    stage.park(&opened).await;
    let missed = stage.number(&alice).await;
    // A machine that is busy takes its time as well, so it does not wait for the last moment.
    stage.rig.pass(stage.window() / 2).await;
    let resumed = stage.try_token(0, opened.token, opened.joined).await.expect("it is in time");
    stage.sweep().await;
    stage.rig.pass(stage.window() / 2).await;
    let later = stage.number(&alice).await;
    let page = stage.read(&resumed, resumed.after).await;
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, read), (None, vec![missed, later]));
}

pub async fn a_stream_outlives_its_sessions_for_a_while(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let sent = stage.number(&alice).await;
    stage.leave(&opened).await;
    stage.rig.pass(stage.window()).await;
    stage.sweep().await;
    let back = stage.open(grant(&alice)).await;
    assert_eq!(back.joined, sent, "the same stream");
    let page = stage.read(&back, opened.joined).await;
    let read: Vec<_> = page.messages.iter().filter_map(|m| m.position).collect();
    assert_eq!((page.gap, read), (None, vec![sent]));
}

pub async fn a_user_who_was_forgotten_comes_back_with_a_greater_epoch(rig: &dyn Rig) {
    let age = rig.terms().stream.age;
    if rig.patience() < age {
        return;
    }
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let mut known = Position::default();
    for _ in 0..2 {
        let opened = stage.open(grant(&alice)).await;
        assert!(opened.joined > known, "{} after {known}", opened.joined);
        let gap = stage.read(&opened, known).await.gap;
        let until = gap.map(|gap| (gap.after, gap.until >= opened.joined));
        assert_eq!(until, Some((known, true)), "an old position is never taken for a new one");
        let mut last = opened.joined;
        for _ in 0..3 {
            last = stage.number(&alice).await;
        }
        assert!(last > opened.joined);
        stage.leave(&opened).await;
        known = last;
        stage.rig.pass(age).await;
        stage.sweep().await;
        stage.rig.pass(age).await;
        stage.sweep().await;
    }
}

pub async fn who_lost_its_place_reads_nothing_more(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let first = stage.open(grant(&alice)).await;
    let sent = stage.number(&alice).await;
    let resumed = stage.try_token(1, first.token, first.joined).await.expect("it may take over");
    assert_eq!(stage.read_some(&first, first.joined, 10, 1000).await, None, "taken over");
    let page = stage.read(&resumed, first.joined).await;
    assert_eq!(page.until, sent);

    let newcomer = stage.open(single(&alice)).await;
    stage.number(&alice).await;
    assert_eq!(stage.read_some(&resumed, sent, 10, 1000).await, None, "replaced");
    stage.read(&newcomer, sent).await;
    stage.leave(&newcomer).await;
    assert_eq!(stage.read_some(&newcomer, sent, 10, 1000).await, None, "it left");
}

pub async fn a_stream_that_is_not_there_is_never_read_as_empty(rig: &dyn Rig) {
    let (mut stage, alice) = (Stage::of(rig).await, user("alice"));
    let opened = stage.open(grant(&alice)).await;
    let reader = Reader { user: user("bob"), fenced: opened.fenced, after: opened.after };
    assert_eq!(stage.engine(0).read(&reader, 10, 1000).await, Ok(None));
}
