//! Renewal: the pair of a running node, and the look for a newer one.
//!
//! A certificate is good for weeks and a node runs for months, so files change under it. They are
//! compared by what is in them: their times tell nothing where they are links that are switched.
//! Who renews them writes one after the other, so for a moment they may not belong together; then
//! the old pair stays, as it does whenever the new one is broken.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::files::{Files, Fingerprint, Pair, Read, Texts, Unusable};

/// From one look at the files to the next.
pub(crate) const LOOK: Duration = Duration::from_secs(30);

/// The pair that new sockets are shown, and whence the next one comes.
#[derive(Debug)]
pub(crate) struct Renewal {
    files: Files,
    shown: watch::Sender<Pair>,
    /// What was in the files at the last look.
    seen: Mutex<Fingerprint>,
}

/// What a look at the files found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// What was there at the last one.
    TheSame,
    /// Another pair, which is shown from now on.
    New,
}

impl Renewal {
    /// Begins with the pair that is there.
    pub(crate) fn begin(files: Files) -> Result<Self, Unusable> {
        Self::begin_with(files, &read)
    }

    /// The same for files of others.
    pub(super) fn begin_with(files: Files, read: Read<'_>) -> Result<Self, Unusable> {
        let texts = files.texts(read)?;
        let shown = watch::Sender::new(files.pair_of(&texts)?);
        Ok(Self { files, shown, seen: Mutex::new(texts.fingerprint()) })
    }

    /// What new sockets are shown, now and later.
    pub(crate) fn shown(&self) -> watch::Receiver<Pair> {
        self.shown.subscribe()
    }

    /// Looks whether there is something else in the files. What is broken is told once.
    pub(crate) fn look(&self) -> Result<Found, Unusable> {
        self.look_with(&read)
    }

    /// The same for files of others.
    pub(super) fn look_with(&self, read: Read<'_>) -> Result<Found, Unusable> {
        let mut seen = self.seen();
        let texts = self.files.texts(read);
        let now = fingerprint(&texts);
        if std::mem::replace(&mut *seen, now) == now {
            return Ok(Found::TheSame);
        }
        self.show(&texts?)?;
        Ok(Found::New)
    }

    /// Reads the files whatever was in them, for somebody who asks.
    pub(crate) fn read_again(&self) -> Result<(), Unusable> {
        let mut seen = self.seen();
        let texts = self.files.texts(&read);
        *seen = fingerprint(&texts);
        self.show(&texts?)
    }

    fn show(&self, texts: &Texts) -> Result<(), Unusable> {
        self.shown.send_replace(self.files.pair_of(texts)?);
        Ok(())
    }

    /// Held from the reading to the showing, so that of two looks at once the older does not win.
    fn seen(&self) -> MutexGuard<'_, Fingerprint> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fingerprint(texts: &Result<Texts, Unusable>) -> Fingerprint {
    match texts {
        Ok(texts) => texts.fingerprint(),
        Err(unusable) => Fingerprint::of(unusable),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests;
