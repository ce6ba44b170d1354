#![expect(clippy::unwrap_used, reason = "tests")]

use std::pin::pin;

use futures_util::FutureExt;
use http_body::Body as _;
use http_body_util::BodyExt;
use tollward_store::RequestId;

use super::*;

fn terms(max_bytes: usize, unheard: usize) -> Terms {
    Terms {
        max_bytes,
        room: Arc::new(Semaphore::new(1024)),
        unheard: Arc::new(Semaphore::new(unheard)),
    }
}

fn head() -> Head {
    Head {
        request: RequestId::from_parts(1, [0; 10]),
        status: StatusCode::OK,
        headers: HeaderMap::new(),
        length: None,
        end: None,
    }
}

const DONE: End = End::Booked(Outcome::Complete, Some(NanoUsd(7)));

/// What a reader can read at once.
fn read(reader: &mut Reader) -> String {
    let mut text = String::new();
    while let Some(Some(Ok(frame))) = reader.frame().now_or_never() {
        text.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
    }
    text
}

#[tokio::test]
async fn who_joins_late_reads_from_the_beginning() {
    let (recorder, mut first) = Recording::start(terms(100, 0));
    assert!(first.head().now_or_never().is_none());
    recorder.begin(head());
    recorder.push("one ".into()).await;
    assert_eq!(first.head().await.unwrap().status, StatusCode::OK);
    assert_eq!(read(&mut first), "one ");
    let mut late = recorder.recording().join().unwrap();
    recorder.push("two".into()).await;
    assert_eq!(
        (read(&mut first), read(&mut late)),
        ("two".into(), "one two".into())
    );
    assert!(!late.is_done());
    let (_, pieces) = recorder.end(DONE).unwrap();
    assert_eq!(pieces.concat(), b"one two");
    assert!(first.frame().await.is_none() && late.is_end_stream());
    assert_eq!(late.end().and_then(|it| it.cost()), Some(NanoUsd(7)));
}

#[tokio::test]
async fn a_reader_is_woken_by_what_it_waits_for() {
    let (recorder, mut reader) = Recording::start(terms(100, 0));
    let writing = async {
        tokio::task::yield_now().await;
        recorder.begin(head());
        tokio::task::yield_now().await;
        recorder.push("a".into()).await;
        tokio::task::yield_now().await;
        recorder.end(DONE)
    };
    let reading = async {
        assert!(reader.head().await.is_some());
        reader.collect().await.unwrap().to_bytes()
    };
    let (_, body) = tokio::join!(writing, reading);
    assert_eq!(body, "a");
}

#[tokio::test]
async fn an_answer_without_an_end_breaks_off_for_its_readers() {
    let (recorder, mut reader) = Recording::start(terms(100, 0));
    let mut early = recorder.recording().join().unwrap();
    recorder.begin(head());
    recorder.push("a".into()).await;
    drop(recorder);
    assert!(early.head().await.is_some());
    assert_eq!(read(&mut reader), "a");
    assert!(reader.frame().await.unwrap().is_err());
    assert!(!reader.is_end_stream());
    let (recorder, mut reader) = Recording::start(terms(100, 0));
    drop(recorder);
    assert!(reader.head().await.is_none());
}

#[tokio::test]
async fn what_is_too_long_is_held_no_longer_than_its_readers_need() {
    let (recorder, mut reader) = Recording::start(terms(10, 9));
    recorder.begin(head());
    recorder.push("12345678".into()).await;
    let mut slow = recorder.recording().join().unwrap();
    recorder.push("90123".into()).await;
    assert!(recorder.recording().join().is_none(), "its beginning goes");
    assert_eq!(read(&mut reader), "1234567890123");
    assert_eq!(read(&mut slow), "1234567890123");
    assert_eq!(recorder.recording().state.lock().bytes, 0);
    let large = Bytes::from(vec![b'x'; WINDOW_BYTES]);
    {
        let mut pushing = pin!(recorder.push(large));
        assert!(pushing.as_mut().now_or_never().is_none());
        assert_eq!(read(&mut reader).len(), WINDOW_BYTES);
        assert!(pushing.as_mut().now_or_never().is_none(), "one lacks it");
        assert_eq!(read(&mut slow).len(), WINDOW_BYTES);
        pushing.await;
    }
    // It will not be kept: there is no reason to go on for nobody.
    drop((reader, slow));
    recorder.left().await;
    assert!(recorder.end(DONE).is_none());
}

#[tokio::test]
async fn room_for_all_is_room_for_each() {
    let terms = terms(1 << 20, 0);
    let (recorder, mut reader) = Recording::start(terms.clone());
    let (other, _other) = Recording::start(terms.clone());
    recorder.push(vec![0; 700 * 1024].into()).await;
    other.push(vec![0; 400 * 1024].into()).now_or_never();
    assert!(recorder.recording().join().is_some());
    assert!(other.recording().join().is_none());
    assert_eq!(read(&mut reader).len(), 700 * 1024);
    drop((recorder, reader));
    assert_eq!(terms.room.available_permits(), 1024);
}

#[tokio::test]
async fn a_call_goes_on_unheard_while_there_is_a_place() {
    let terms = terms(100, 1);
    let (first, reader) = Recording::start(terms.clone());
    let (second, other) = Recording::start(terms.clone());
    drop(reader);
    assert!(first.left().now_or_never().is_none());
    drop(other);
    second.left().await;
    assert!(second.recording().join().is_none(), "it is being given up");
    // Who comes back gives the place back.
    let back = first.recording().join().unwrap();
    assert_eq!(terms.unheard.available_permits(), 1);
    drop(back);
    assert_eq!(terms.unheard.available_permits(), 0);
    first.begin(head());
    first.push("a".into()).await;
    assert!(first.end(DONE).is_some());
    assert_eq!(terms.unheard.available_permits(), 1);
}
