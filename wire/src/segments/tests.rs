//! A body in pieces is the same body.

use super::*;

#[test]
fn pieces_are_joined_in_order_and_empty_ones_vanish() {
    let mut segments = Segments::new();
    assert!(segments.is_empty() && segments.to_bytes().is_empty());
    segments.push(Bytes::new());
    segments.extend([
        Bytes::from_static(b"ab"),
        Bytes::new(),
        Bytes::from_static(b"c"),
    ]);
    assert_eq!((segments.len(), segments.iter().count()), (3, 2));
    assert_eq!(segments.to_bytes(), "abc");
    assert_eq!(segments.pop_front().as_deref(), Some(&b"ab"[..]));
    assert_eq!(segments.pop_front().as_deref(), Some(&b"c"[..]));
    assert!(segments.is_empty());
}

#[test]
fn one_piece_is_not_copied() {
    let piece = Bytes::from(vec![b'x'; 100]);
    let segments = Segments::from(piece.clone());
    assert_eq!(segments.to_bytes().as_ptr(), piece.as_ptr());
}
