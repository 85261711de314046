//! Atlas: which server keeps which partition.
//!
//! One server keeps all. Of several that know nothing of each other each partition takes the one
//! that hashing names for it. In a Cluster the servers themselves say who keeps which slot, and are
//! asked again whenever what they said is in doubt: each partition is one slot.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use protocol::partition::{Partition, suitability};
use tokio::sync::{Notify, watch};

use super::{
    chart::{self, Chart},
    dial::Dial,
    host::Host,
    keys,
    link::Link,
    options::Refused,
    seek::Seek,
    shape::{Door, Doors, Shape},
};

/// Where all partitions are.
pub(super) struct Atlas {
    shape: Shape,
    dial: Arc<Dial>,
    page: RwLock<Arc<Page>>,
    /// How often it has changed.
    changes: watch::Sender<u64>,
    /// Something was not where it should be.
    doubt: Notify,
    /// How often servers were asked.
    asked: AtomicUsize,
}

/// How it is now.
#[derive(Default)]
struct Page {
    hosts: Vec<Arc<Host>>,
    /// For each partition, which of the servers.
    keepers: Vec<Option<usize>>,
    /// Servers that kept some before.
    former: Vec<Arc<Host>>,
}

impl Atlas {
    pub(super) fn new(shape: Shape, dial: Dial) -> Self {
        let dial = Arc::new(dial);
        let host = |seek| Arc::new(Host::new(Link::new(Arc::clone(&dial), seek)));
        let page = match &shape {
            Shape::Servers(Doors(doors)) => {
                let hosts = doors.iter().map(|door| host(Seek::Here(door.clone()))).collect();
                let keepers = Partition::all().map(|one| keeper(one, doors)).collect();
                Page { hosts, keepers, ..Page::default() }
            }
            Shape::Sentinel(sentinels) => {
                let seek = Seek::Asked(sentinels.clone(), AtomicUsize::new(0));
                let keepers = Partition::all().map(|_| Some(0)).collect();
                Page { hosts: vec![host(seek)], keepers, ..Page::default() }
            }
            Shape::Cluster(_) => Page::default(),
        };
        Self {
            shape,
            dial,
            page: RwLock::new(Arc::new(page)),
            changes: watch::Sender::new(0),
            doubt: Notify::new(),
            asked: AtomicUsize::new(0),
        }
    }

    fn page(&self) -> Arc<Page> {
        Arc::clone(&self.page.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which servers there are.
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All servers that keep partitions.
    pub(super) fn hosts(&self) -> Vec<Arc<Host>> {
        self.page().hosts.clone()
    }

    /// All servers but one, with those that kept partitions before and are there still.
    pub(super) fn others(&self, host: &Arc<Host>) -> Vec<Arc<Host>> {
        let page = self.page();
        let all = page.hosts.iter().chain(page.former.iter());
        all.filter(|one| !Arc::ptr_eq(one, host)).cloned().collect()
    }

    /// The server that keeps a partition.
    pub(super) fn host(&self, partition: Partition) -> Option<Arc<Host>> {
        let page = self.page();
        let keeper = page.keepers.get(usize::from(partition.0)).copied().flatten()?;
        page.hosts.get(keeper).cloned()
    }

    /// The partitions that a server keeps.
    pub(super) fn of(&self, host: &Arc<Host>) -> Vec<Partition> {
        let page = self.page();
        let Some(keeper) = page.hosts.iter().position(|one| Arc::ptr_eq(one, host)) else {
            return Vec::new();
        };
        let here = Partition::all().zip(&page.keepers).filter(|(_, one)| **one == Some(keeper));
        here.map(|(partition, _)| partition).collect()
    }

    /// Whether a server keeps any.
    pub(super) fn has(&self, host: &Arc<Host>) -> bool {
        self.page().hosts.iter().any(|one| Arc::ptr_eq(one, host))
    }

    /// How often it has changed, as it does.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Something is not where it should be: the servers are to be asked, if they know.
    pub(super) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Returns when there is doubt.
    pub(super) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Asks the servers of a Cluster where partitions are.
    ///
    /// # Errors
    /// If none of them knows.
    pub(super) async fn look(&self) -> Result<(), Refused> {
        let Shape::Cluster(Doors(seeds)) = &self.shape else { return Ok(()) };
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let hosts = self.hosts();
        // Those that answer now are asked first, each time another one, then those that were named.
        for at in 0..hosts.len() {
            let host = &hosts[(asked + at) % hosts.len()];
            if let Some(chart) = chart::of_host(host).await {
                self.turn(&seeds[0], &chart);
                return Ok(());
            }
        }
        let mut why = None;
        let known = hosts.iter().map(|host| host.link.door());
        for door in seeds.iter().cloned().chain(known) {
            match chart::of_door(&self.dial, &door).await {
                Ok(chart) => {
                    self.turn(&seeds[0], &chart);
                    return Ok(());
                }
                Err(new) => why = Some(Refused::weightier(why, new)),
            }
        }
        Err(why.expect("there is at least one seed"))
    }

    /// Goes by what a server says; `like` is how its fellows are come to.
    fn turn(&self, like: &Door, chart: &Chart) {
        let old = self.page();
        let mut page = Page::default();
        for partition in Partition::all() {
            let keeper = chart.keeper(keys::slot_of(partition)).map(|(host, port)| {
                let door = like.beside(host, port);
                let is_it = |one: &Arc<Host>| one.link.door() == door;
                page.hosts.iter().position(is_it).unwrap_or_else(|| {
                    let known = old.hosts.iter().find(|one| is_it(one)).cloned();
                    page.hosts.push(known.unwrap_or_else(|| {
                        let link = Link::new(Arc::clone(&self.dial), Seek::Here(door.clone()));
                        Arc::new(Host::new(link))
                    }));
                    page.hosts.len() - 1
                })
            });
            page.keepers.push(keeper);
        }
        let doors = |page: &Page| -> Vec<Option<Door>> {
            let door = |at: &Option<usize>| at.map(|at| page.hosts[at].link.door());
            page.keepers.iter().map(door).collect()
        };
        if doors(&old) != doors(&page) {
            let is_former = |one: &&Arc<Host>| {
                one.link.is_there() && !page.hosts.iter().any(|now| Arc::ptr_eq(now, one))
            };
            let former = old.hosts.iter().chain(&old.former).filter(is_former).cloned().collect();
            page.former = former;
            *self.page.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(page);
            self.changes.send_modify(|changes| *changes += 1);
        }
    }
}

/// Which of several servers keeps a partition: the one that suits it best. Who is not concerned keeps
/// what it had when the list changes.
fn keeper(partition: Partition, doors: &[Door]) -> Option<usize> {
    (0..doors.len()).max_by_key(|at| suitability(partition, &doors[*at].to_string()))
}

#[cfg(test)]
mod tests;
