//! What takes long: silence, and watchers that read nothing. On a clock that does not wait.

use engine::{fleet::Told, mailbox::Mailboxes, memory::Memory, place::Opened};
use protocol::{event::Kind, time::Timestamp};
use tokio::task::JoinHandle;

use super::*;
use crate::{clock::Clock, config::Config, journal::Filter};

struct Stage {
    node: Arc<Node>,
    lines: mpsc::Receiver<Bytes>,
    cut: Cut,
    feed: JoinHandle<()>,
}

/// A feed that has begun.
fn stage(filter: Filter) -> Stage {
    let config = Config { node: "n1".to_owned(), shards: 1, ..Config::default() };
    let (mailboxes, _) = Mailboxes::new(1, 1);
    let memory = Memory::new(config.terms(), mailboxes, Arc::new(Clock::timestamp));
    let Opened { engine, fleet, .. } = Opened::alone(Arc::new(memory));
    let me = Node::name(&config);
    let node = Arc::new(Node::new(config, me, engine, fleet, Clock::start()));
    let place = Arc::clone(&node.watchers).try_acquire_owned().unwrap();
    let (out, lines) = mpsc::channel(1);
    let (watcher, cut) = (node.journal().watch(filter), Cut::default());
    let feed = Feed { node: Arc::clone(&node), watcher, out, cut: cut.clone(), place };
    Stage { node, lines, cut, feed: tokio::spawn(feed.run(false, true)) }
}

impl Stage {
    async fn next(&mut self) -> String {
        let lines = self.lines.recv().await.unwrap();
        String::from_utf8(lines.to_vec()).unwrap()
    }

    fn id(&self, n: u64) -> String {
        format!("id: n1.{:x}.{n}\n", self.node.me().generation)
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_comment_that_tells_how_far_the_feed_is() {
    let mut stage = stage(Filter { kinds: vec![Kind::NodeDown], ..Filter::default() });
    assert_eq!(stage.next().await, format!("retry: 1000\n{}\n", stage.id(0)));
    stage.node.tell(What::NodeDraining);
    let began = Instant::now();
    assert_eq!(stage.next().await, format!(":\n{}\n", stage.id(1)));
    assert_eq!(began.elapsed().as_secs(), limit::EVENT_COMMENT.as_secs());
    assert_eq!(stage.next().await, format!(":\n{}\n", stage.id(1)));
    assert_eq!(began.elapsed().as_secs(), 2 * limit::EVENT_COMMENT.as_secs());
    stage.node.tell(What::NodeDown);
    assert!(stage.next().await.starts_with(&stage.id(2)));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_takes_nothing_is_cut_off_after_a_while() {
    let mut stage = stage(Filter::default());
    stage.next().await;
    let began = Instant::now();
    for _ in 0..3 {
        stage.node.tell(What::NodeDraining);
    }
    stage.cut.wanted().await;
    let passed = began.elapsed();
    let expected = limit::EVENT_STALL + END_WAIT;
    assert!(passed >= expected && passed < expected + END_WAIT, "{passed:?}");
    stage.feed.await.unwrap();
    assert_eq!(stage.node.watchers.available_permits(), limit::EVENT_WATCHERS_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_takes_nothing_is_cut_off_soon_when_the_node_stops() {
    let mut stage = stage(Filter::default());
    stage.next().await;
    let began = Instant::now();
    for _ in 0..3 {
        stage.node.tell(What::NodeDraining);
    }
    tokio::task::yield_now().await;
    stage.node.journal().close();
    stage.cut.wanted().await;
    assert!(began.elapsed() <= 3 * END_WAIT, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_goes_leaves_a_place_at_once() {
    let stage = stage(Filter::default());
    drop(stage.lines);
    stage.feed.await.unwrap();
    assert_eq!(stage.node.watchers.available_permits(), limit::EVENT_WATCHERS_MAX);
}

#[tokio::test]
async fn an_event_of_another_node_is_followed_by_its_place_here() {
    let mut stage = stage(Filter::default());
    stage.next().await;
    let events = vec![(7, Timestamp(1), What::NodeDraining)];
    let told = Told { node: "n2".into(), generation: 0xb, after: 0, until: 7, events };
    stage.node.journal().hear(told);
    let event = r#"{"at":1,"node":"n2","type":"node.draining"}"#;
    let block = format!("id: n2.b.7\nevent: node.draining\ndata: {event}\n\n");
    assert_eq!(stage.next().await, format!("{block}{}\n", stage.id(1)));
}
