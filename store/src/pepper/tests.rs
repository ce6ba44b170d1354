#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::thread;

use super::Pepper;
use crate::StoreError;

#[test]
fn a_pepper_survives_reopening_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pepper");
    let first = Pepper::load_or_create(&path).unwrap();
    let second = Pepper::load_or_create(&path).unwrap();
    assert_eq!(first.hash(b"tw-a"), second.hash(b"tw-a"));
    assert_ne!(first.hash(b"tw-a"), first.hash(b"tw-b"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn two_peppers_hash_differently() {
    let (a, b) = (Pepper::ephemeral().unwrap(), Pepper::ephemeral().unwrap());
    assert_ne!(a.hash(b"tw-a"), b.hash(b"tw-a"));
}

#[test]
fn a_short_pepper_file_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pepper");
    fs::write(&path, b"short").unwrap();
    let error = Pepper::load_or_create(&path).unwrap_err();
    assert!(matches!(error, StoreError::PepperInvalid { .. }));
    assert_eq!(fs::read(&path).unwrap(), b"short");
}

#[test]
fn processes_that_race_to_create_it_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pepper");
    let hashes: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Pepper::load_or_create(&path)))
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap().unwrap().hash(b"k"))
            .collect()
    });
    assert!(hashes.windows(2).all(|pair| pair.first() == pair.last()));
}

#[test]
fn debug_output_shows_no_secret() {
    let pepper = Pepper::ephemeral().unwrap();
    assert_eq!(
        format!("{pepper:?} {:?}", pepper.hash(b"x")),
        "Pepper(..) KeyHash(..)"
    );
}
