//! Fleet: the list of nodes, in one key, where each writes its own entry again and again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use protocol::{http, partition::Partition};
use redis::Cmd;
use tokio::{
    sync::{RwLockReadGuard, mpsc, watch},
    time::timeout,
};

use super::{
    Redis,
    kept::{read, write},
    keys::HOME,
    link::Fault,
    news, script, way, wire,
};
use crate::{
    contract::Failed,
    fleet::{Fleet, Health, Orphan, Told},
    tenure::Tenure,
};

/// How long a node that leaves waits for what it is telling Redis: whoever ends it waits as well.
const LEAVING_WAIT: Duration = Duration::from_secs(1);

impl Redis {
    /// Whoever holds this may tell Redis that the node is there; nobody may when it has left.
    pub(super) async fn stay(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let staying = self.staying.read().await;
        (!self.has_left.load(Ordering::Acquire)).then_some(staying)
    }
}

#[async_trait]
impl Fleet for Redis {
    fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    fn tenure(&self) -> Option<Arc<Tenure>> {
        Some(Arc::clone(&self.tenure))
    }

    fn orphans(&self) -> Vec<Orphan> {
        self.orphans.take()
    }

    fn unreadable(&self) -> Vec<String> {
        self.unreadable.take()
    }

    async fn report(&self, me: &http::Node) -> Result<(), Failed> {
        let Some(_staying) = self.stay().await else { return Ok(()) };
        // An entry lives as long as a lease: longer, and the list would name the dead.
        let ttl = self.lease.as_millis().to_string();
        let words = [&*self.me.to_string(), &write(me), &ttl];
        let keys = [self.keys.nodes(), self.keys.listeners()];
        let wanted = self.run::<u8>(HOME, &script::REPORT, &keys, &words).await;
        self.news.note_wanted(wanted.map_err(Fault::of_change)? == 1);
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<http::Node>, Failed> {
        let listed = self.run(HOME, &script::NODES, &[self.keys.nodes()], &[]).await;
        let listed: Vec<String> = listed.map_err(Fault::of_look)?;
        let nodes = listed.iter().map(|text| read(text)).collect::<Result<Vec<http::Node>, _>>();
        let mut nodes = nodes.map_err(Fault::of_look)?;
        nodes.sort_by(|a, b| (&a.node, a.generation).cmp(&(&b.node, b.generation)));
        self.sweepers.set(&nodes);
        Ok(nodes)
    }

    async fn ask_to_leave(&self, name: &str) -> Result<Vec<http::Node>, Failed> {
        let mut nodes = self.nodes().await?;
        nodes.retain(|node| node.node == name);
        for node in &nodes {
            let mut publish = Cmd::new();
            publish.arg("SPUBLISH").arg(self.keys.inbox(HOME, &node.into())).arg(wire::LEAVE);
            let heard: u32 = self.ask(HOME, &publish).await.map_err(Fault::of_change)?;
            if heard == 0 {
                return Err(Failed::NotDone);
            }
        }
        Ok(nodes)
    }

    fn asked_to_leave(&self) -> watch::Receiver<bool> {
        self.asked.subscribe()
    }

    fn wanted(&self) -> watch::Receiver<bool> {
        self.news.wanted()
    }

    async fn tell(&self, told: &Told) -> Result<(), Failed> {
        let mut publish = Cmd::new();
        publish.arg("PUBLISH").arg(self.keys.news()).arg(news::text(told));
        self.ask::<u32>(HOME, &publish).await.map(drop).map_err(Fault::of_change)
    }

    fn hear(&self) -> Option<mpsc::Receiver<Told>> {
        Some(self.news.hear())
    }

    async fn leave(&self) -> Result<(), Failed> {
        self.has_left.store(true, Ordering::Release);
        // What is under way would take back what is given up here.
        timeout(LEAVING_WAIT, self.staying.write()).await.map(drop).ok();
        let me = self.me.to_string();
        let command = |word: &str, key: String| {
            let mut command = redis::cmd(word);
            command.arg(key).arg(&me);
            (HOME, command)
        };
        let mut commands =
            vec![command("ZREM", self.keys.listeners()), command("HDEL", self.keys.nodes())];
        commands.extend(Partition::all().map(|one| {
            let lapse = (vec![self.keys.lease(one)], vec![me.clone()]);
            (one, way::evaluate(&script::LAPSE, &lapse))
        }));
        // What a server that is lost keeps lapses by itself.
        let left = self.each(Some(&script::LAPSE), &commands).await;
        let left: Result<Vec<u32>, Fault> = left.into_iter().collect();
        left.map(drop).map_err(Fault::of_change)
    }
}
