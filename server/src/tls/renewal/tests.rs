//! When a node shows another certificate, and when it keeps the one it has.

use std::{cell::RefCell, io, path::Path};

use super::{
    super::fixture::{Made, files},
    Found, Renewal,
};

/// Files that change; without a key if it cannot be read at the moment.
struct Disk(RefCell<(String, Option<String>)>);

impl Disk {
    fn new(made: &Made) -> Self {
        let disk = Self(RefCell::default());
        disk.hold(made);
        disk
    }

    fn hold(&self, made: &Made) {
        *self.0.borrow_mut() = (made.cert.clone(), Some(made.key.clone()));
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        let (cert, key) = self.0.borrow().clone();
        match path == files().cert {
            true => Ok(cert),
            false => key.ok_or_else(|| io::Error::other("no such file")),
        }
    }

    fn begin(&self) -> Renewal {
        Renewal::begin_with(files(), &|path| self.read(path)).unwrap()
    }

    fn look(&self, renewal: &Renewal) -> Result<Found, String> {
        renewal.look_with(&|path| self.read(path)).map_err(|unusable| unusable.to_string())
    }
}

/// Whether new sockets are shown another pair than before.
fn is_new(shown: &mut tokio::sync::watch::Receiver<super::Pair>) -> bool {
    let changed = shown.has_changed().unwrap();
    shown.mark_unchanged();
    changed
}

#[test]
fn another_pair_in_the_files_is_shown_once() {
    let disk = Disk::new(&Made::new());
    let renewal = disk.begin();
    let mut shown = renewal.shown();
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::TheSame), false));
    disk.hold(&Made::new());
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::New), true));
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::TheSame), false));
}

#[test]
fn c3_c11_what_is_broken_is_told_once_and_changes_nothing() {
    let (first, second) = (Made::new(), Made::new());
    let disk = Disk::new(&first);
    let renewal = disk.begin();
    let mut shown = renewal.shown();

    // The certificate comes first, its key a moment later.
    disk.0.borrow_mut().0.clone_from(&second.cert);
    let told = "the key in key.pem is not that of the certificate in cert.pem";
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Err(told.to_owned()), false));
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::TheSame), false));
    // Nor is there anything to read for a moment.
    disk.0.borrow_mut().1 = None;
    let told = "cannot read key.pem: no such file";
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Err(told.to_owned()), false));
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::TheSame), false));
    disk.hold(&second);
    assert_eq!((disk.look(&renewal), is_new(&mut shown)), (Ok(Found::New), true));
}
