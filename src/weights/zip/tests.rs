#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Cursor;

use flate2::{Compression, write::DeflateEncoder};

use super::*;

/// An archive of members (name, content, method), with extra fields of different length in both headers.
pub(crate) fn archive(members: &[(&str, &[u8], u16)]) -> Vec<u8> {
    let (mut body, mut directory) = (Vec::new(), Vec::new());
    for (name, content, method) in members {
        let packed = if *method == DEFLATED {
            deflate(content)
        } else {
            content.to_vec()
        };
        let at = u32::try_from(body.len()).unwrap();
        let (packed_bytes, bytes) = (
            u32::try_from(packed.len()).unwrap(),
            u32::try_from(content.len()).unwrap(),
        );
        let name_bytes = u16::try_from(name.len()).unwrap();
        body.extend(LOCAL_SIGNATURE.to_le_bytes());
        body.extend([20, 0, 0, 0]);
        body.extend(method.to_le_bytes());
        body.extend([0; 16]);
        body.extend(name_bytes.to_le_bytes());
        body.extend([3, 0]);
        body.extend(name.as_bytes());
        body.extend([9; 3]);
        body.extend(packed);
        directory.extend(ENTRY_SIGNATURE.to_le_bytes());
        directory.extend([20, 0, 20, 0, 0, 0]);
        directory.extend(method.to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(packed_bytes.to_le_bytes());
        directory.extend(bytes.to_le_bytes());
        directory.extend(name_bytes.to_le_bytes());
        directory.extend([5, 0, 0, 0]);
        directory.extend([0; 8]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
        directory.extend([9; 5]);
    }
    let (count, at) = (
        u16::try_from(members.len()).unwrap(),
        u32::try_from(body.len()).unwrap(),
    );
    let length = u32::try_from(directory.len()).unwrap();
    body.extend(directory);
    body.extend(END_SIGNATURE);
    body.extend([0; 4]);
    body.extend(count.to_le_bytes());
    body.extend(count.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(at.to_le_bytes());
    body.extend([7, 0]);
    body.extend(b"comment");
    body
}

fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn read(archive: &[u8], name: &str, expected: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let result = extract(&mut Cursor::new(archive), name, expected, &mut out);
    result.map(|()| out).map_err(|error| error.to_string())
}

fn sample() -> Vec<u8> {
    archive(&[
        ("a/one", b"first", STORED),
        ("a/two", &b"second ".repeat(1000), DEFLATED),
    ])
}

#[test]
fn stored_and_deflated_members_are_read() {
    assert_eq!(read(&sample(), "a/one", 5).unwrap(), b"first");
    assert_eq!(
        read(&sample(), "a/two", 7000).unwrap(),
        b"second ".repeat(1000)
    );
}

#[test]
fn a_missing_member_is_named() {
    assert_eq!(
        read(&sample(), "a/three", 1).unwrap_err(),
        "the archive has no member `a/three`"
    );
}

#[test]
fn a_member_of_another_size_is_refused_and_never_written_past_its_limit() {
    let bomb = archive(&[("x", &vec![0; 1 << 22], DEFLATED)]);
    let mut out = Vec::new();
    let error = extract(&mut Cursor::new(&bomb), "x", 1 << 18, &mut out).unwrap_err();
    assert!(matches!(error, ZipError::Size { .. }), "{error}");
    assert!(out.len() <= 1 << 18);
    assert!(
        read(&sample(), "a/one", 6)
            .unwrap_err()
            .contains("unpacks to 5 bytes")
    );
}

#[test]
fn every_cut_of_an_archive_is_an_error() {
    let whole = sample();
    // A cut inside the comment leaves the directory whole.
    for length in 0..whole.len() - "comment".len() {
        assert!(
            read(&whole[..length], "a/two", 7000).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn encrypted_and_strangely_packed_members_are_refused() {
    let strange = archive(&[("x", b"content", 99)]);
    assert!(
        read(&strange, "x", 7)
            .unwrap_err()
            .contains("compression method")
    );
    let mut encrypted = archive(&[("x", b"content", STORED)]);
    let at = memchr::memmem::find(&encrypted, &ENTRY_SIGNATURE.to_le_bytes()).unwrap();
    encrypted[at + 8] |= 1;
    assert!(read(&encrypted, "x", 7).unwrap_err().contains("encryption"));
}
