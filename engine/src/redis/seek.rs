//! Seek: where a server is now.
//!
//! Sentinels are asked each time, since another may have been promoted; each time another one of
//! them first, since one that was cut off knows the old. That it is a primary is for `judge` to see.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    dial::{Dial, refused},
    options::Refused,
    shape::{Door, Sentinels},
};

/// How a server is found.
pub(super) enum Seek {
    /// It is always there.
    Here(Door),
    /// They know; and how often they were asked.
    Asked(Sentinels, AtomicUsize),
}

impl Seek {
    /// Where it is; for those who do not know yet, who knows.
    pub(super) fn hint(&self) -> Door {
        match self {
            Self::Here(door) => door.clone(),
            Self::Asked(Sentinels { doors, .. }, _) => doors[0].clone(),
        }
    }

    /// Where it is.
    pub(super) async fn find(&self, dial: &Dial) -> Result<Door, Refused> {
        let (sentinels, asked) = match self {
            Self::Here(door) => return Ok(door.clone()),
            Self::Asked(sentinels, asked) => (sentinels, asked.fetch_add(1, Ordering::Relaxed)),
        };
        let all = &sentinels.doors;
        let mut why = None;
        for at in 0..all.len() {
            match ask(dial, &all[(asked + at) % all.len()], sentinels).await {
                Ok(door) => return Ok(door),
                Err(new) => why = Some(Refused::weightier(why, new)),
            }
        }
        Err(why.expect("there is at least one"))
    }
}

async fn ask(dial: &Dial, guard: &Door, sentinels: &Sentinels) -> Result<Door, Refused> {
    let mut line = dial.to(guard).await?;
    let mut ask = redis::cmd("SENTINEL");
    ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&*sentinels.name);
    let answer = ask.query_async::<Option<(String, u16)>>(&mut line).await;
    let at = guard.to_string();
    match answer {
        Ok(Some((host, port))) => {
            let account = sentinels.account.clone();
            Ok(Door { account, ..guard.beside(&host, port) })
        }
        Ok(None) => Err(Refused::Name { at, name: sentinels.name.to_string() }),
        Err(error) if error.detail().is_some_and(|detail| detail.contains("unknown command")) => {
            let (is, instead) = ("no Sentinel", "the Sentinels, or redis://host:port,");
            Err(Refused::Kind { at, is, instead })
        }
        Err(error) => Err(refused(guard, &error)),
    }
}
