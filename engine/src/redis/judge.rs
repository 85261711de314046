//! Judge: whether a server can be used as the engine's URL says.

use redis::{RedisError, aio::MultiplexedConnection};

use super::{dial::refused, options::Refused, script, shape::Door};

/// What a server should be.
#[derive(Debug)]
pub(super) struct Judge {
    /// Whether it is a node of a Cluster.
    pub(super) cluster: bool,
    /// What is to be kept with partitions; in a Cluster one server has it for all.
    pub(super) layout: Option<Layout>,
}

/// The layout of keys: another text is another layout, which no version of ours reads by mistake.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) key: String,
    pub(super) text: String,
    /// The keys that say which primary each partition met last.
    pub(super) primaries: Vec<String>,
}

impl Judge {
    /// Looks at a server, and makes it ready; tells whether nothing of ours was there before.
    pub(super) async fn look(
        &self,
        door: &Door,
        line: &mut MultiplexedConnection,
    ) -> Result<bool, Refused> {
        let at = door.to_string();
        let mut info = String::new();
        for section in ["server", "replication", "memory"] {
            let answer = redis::cmd("INFO").arg(section).query_async::<String>(line).await;
            info += &answer.map_err(|error| refused(door, &error))?;
        }
        let said = |name: &str| {
            let mut lines = info.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or_default().trim().to_owned()
        };
        let version = said("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            return Err(Refused::TooOld { at, version });
        }
        let kind = match (&*said("redis_mode"), self.cluster) {
            ("sentinel", _) => Some(("a Sentinel", "redis+sentinel://host:port/name")),
            ("cluster", false) => Some(("of a Cluster", "redis+cluster://host:port")),
            ("standalone", true) => Some(("of no Cluster", "redis://host:port")),
            (_, _) => None,
        };
        if let Some((is, instead)) = kind {
            return Err(Refused::Kind { at, is, instead });
        }
        if said("role") != "master" {
            return Err(Refused::Replica { at });
        }
        let policy = said("maxmemory_policy");
        if policy != "noeviction" {
            return Err(Refused::Evicts { at, policy });
        }
        let is_new = match &self.layout {
            Some(layout) => layout.look(door, line).await?,
            None => false,
        };
        for script in script::all() {
            script.load_async(line).await.map_err(|error| refused(door, &error))?;
        }
        Ok(is_new)
    }
}

impl Layout {
    async fn look(&self, door: &Door, line: &mut MultiplexedConnection) -> Result<bool, Refused> {
        let failed = |error: RedisError| match error.code() {
            Some("WRONGTYPE") => Refused::Foreign { at: door.to_string(), key: self.key.clone() },
            _ => refused(door, &error),
        };
        let found = redis::cmd("GET").arg(&self.key).query_async::<Option<String>>(line).await;
        let found = found.map_err(failed)?;
        if found.is_none() && !self.primaries.is_empty() {
            // What is here may be of an earlier list of servers: its partitions may have been
            // elsewhere since, so no number or ticket of theirs may be good again.
            let mut forget = redis::Pipeline::new();
            for key in &self.primaries {
                forget.cmd("HDEL").arg(key).arg("id").arg("run").ignore();
            }
            forget.query_async::<()>(line).await.map_err(failed)?;
        }
        let mut set = redis::cmd("SET");
        set.arg(&self.key).arg(&self.text).arg("NX").arg("GET");
        let found = match set.query_async::<Option<String>>(line).await.map_err(failed) {
            // Where memory is full it is refused, though there is nothing to set.
            Err(Refused::Full { .. }) if found.is_some() => found,
            found => found?,
        };
        let is_new = found.is_none();
        let Some(found) = found.filter(|found| *found != self.text) else { return Ok(is_new) };
        let (at, key, expected) = (door.to_string(), self.key.clone(), self.text.clone());
        let found: String = found.chars().take(400).collect();
        let begin = |text: &str| text.split(" on ").next().map(str::to_owned);
        match begin(&found) == begin(&expected) {
            true => Err(Refused::List { at, key, found, expected }),
            false => Err(Refused::Layout { at, key, found, expected }),
        }
    }
}
