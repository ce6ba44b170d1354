//! What is joined, and what stays the caller's own bytes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use http_body_util::BodyExt;

use super::*;

async fn frames(pieces: &[Bytes]) -> Vec<Bytes> {
    let mut segments = Segments::default();
    segments.extend(pieces.iter().cloned());
    let mut body = RequestBody::from(segments);
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        frames.push(frame.unwrap().into_data().unwrap());
    }
    assert!(body.is_end_stream());
    assert_eq!(frames.concat(), pieces.concat());
    frames
}

#[tokio::test]
async fn small_pieces_are_sent_as_one() {
    let pieces = ["{\"model\":\"", "upstream-name", "\",\"messages\":[]}"];
    assert_eq!(frames(&pieces.map(Bytes::from)).await.len(), 1);
    assert_eq!(frames(&[]).await.len(), 0);
}

#[tokio::test]
async fn large_pieces_are_sent_as_they_are() {
    let large = Bytes::from(vec![b'x'; JOINED_BYTES]);
    let small = Bytes::from_static(b"small");
    let sent = frames(&[small.clone(), small.clone(), large.clone(), small.clone()]).await;
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[1].as_ptr(), large.as_ptr(), "nothing large is copied");
    let sent = frames(&[large.clone(), large.clone()]).await;
    assert_eq!(sent[1].as_ptr(), large.as_ptr());
}
