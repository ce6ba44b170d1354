#![expect(clippy::unwrap_used, reason = "tests")]

use tempfile::TempDir;

use super::*;

#[test]
fn a_file_is_checked_for_size_and_then_for_content() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("x");
    fs::write(&path, "abc").unwrap();
    // FIPS 180-4, example B.1.
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let of = |bytes, sha256: &str| {
        check(
            &path,
            &Expected {
                bytes,
                sha256: sha256.to_owned(),
            },
        )
        .unwrap()
    };
    assert_eq!(of(3, sha256), Ok(()));
    assert_eq!(
        of(4, sha256),
        Err(VerifyError::Size {
            expected: 4,
            actual: 3
        })
    );
    let (expected, actual) = ("00".repeat(32), sha256.to_owned());
    assert_eq!(
        of(3, &expected),
        Err(VerifyError::Hash {
            expected: expected.clone(),
            actual
        })
    );
}

#[test]
fn a_note_that_is_not_ours_reads_as_none() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("note");
    assert_eq!(read_note::<Expected>(&path), None);
    fs::write(&path, "{}").unwrap();
    assert_eq!(read_note::<Expected>(&path), None);
    let note = Expected {
        bytes: 1,
        sha256: "x".to_owned(),
    };
    write_note(&path, &note).unwrap();
    assert_eq!(read_note::<Expected>(&path), Some(note));
}

#[test]
fn removing_what_is_not_there_is_fine() {
    let dir = TempDir::new().unwrap();
    remove(&dir.path().join("x")).unwrap();
    Place::new(dir.path(), "x.gguf").discard_part().unwrap();
}
