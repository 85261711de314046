//! Slots of a Cluster that move from one primary to another, while they are used.

use crate::cluster::Cluster;

/// Most keys that move at once.
const SOME: usize = 50;

/// A slot in use that this server keeps.
pub(crate) fn in_use(cluster: &Cluster, at: usize) -> Option<String> {
    let server = &cluster.servers[at];
    // Of somebody's session, so that there is something to lose.
    let found = server.list("SCAN 0 MATCH *:user:* COUNT 100000");
    let key = found.last().filter(|key| key.contains(":user:"))?;
    server.tell(&format!("CLUSTER KEYSLOT {key}")).strip_prefix(':').map(str::to_owned)
}

/// Begins to move a slot, with half of its keys.
pub(crate) fn begin_to_shift(cluster: &Cluster, slot: &str, from: usize, to: usize) {
    let [source, target] = [from, to].map(|at| cluster.id(at));
    cluster.servers[to].tell(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}"));
    cluster.servers[from].tell(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}"));
    let count = cluster.servers[from].tell(&format!("CLUSTER COUNTKEYSINSLOT {slot}"));
    let count: usize = count.trim_start_matches(':').parse().expect("it is a number");
    migrate(cluster, slot, from, to, count / 2);
}

/// Moves the rest of it, and tells all.
pub(crate) fn end_to_shift(cluster: &Cluster, slot: &str, from: usize, to: usize) {
    while migrate(cluster, slot, from, to, SOME) {}
    let id = cluster.id(to);
    // The new one first, so that there is always one.
    for at in [to, from].into_iter().chain(0..cluster.servers.len()) {
        if cluster.servers[at].is_up() {
            cluster.servers[at].tell(&format!("CLUSTER SETSLOT {slot} NODE {id}"));
        }
    }
}

/// Moves some keys; whether there were any.
fn migrate(cluster: &Cluster, slot: &str, from: usize, to: usize, most: usize) -> bool {
    let keys = cluster.servers[from].list(&format!("CLUSTER GETKEYSINSLOT {slot} {most}"));
    if keys.is_empty() {
        return false;
    }
    let port = cluster.servers[to].port();
    let said = cluster.servers[from]
        .tell(&format!("MIGRATE 127.0.0.1 {port} \"\" 0 5000 KEYS {}", keys.join(" ")));
    assert!(said == "+OK" || said == "+NOKEY", "{said}");
    true
}
