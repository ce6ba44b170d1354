#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Everything that a stream gives, cut at every byte it can be cut at.
fn read(stream: &str) -> (Vec<Piece>, bool, Option<Failure>) {
    let mut all = Vec::new();
    for cut in 0..=stream.len() {
        let mut reader = Reader::default();
        for part in [
            stream.as_bytes().get(..cut).unwrap(),
            stream.as_bytes().get(cut..).unwrap(),
        ] {
            if reader.failure.is_none() {
                reader.push(&Bytes::copy_from_slice(part));
            }
        }
        all.push((Vec::from(reader.pieces), reader.is_done, reader.failure));
    }
    let first = all.swap_remove(0);
    assert!(all.iter().all(|other| *other == first), "{all:?}");
    first
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

#[test]
fn text_and_its_end_come_out_whatever_way_the_stream_is_cut() {
    let stream = ": hello\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"안녕\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n";
    assert_eq!(
        read(stream),
        (
            vec![text("안녕"), Piece::Finished("stop".to_owned())],
            true,
            None
        )
    );
}

#[test]
fn an_error_inside_a_stream_comes_after_the_text_before_it() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n\
        data: {\"error\":{\"message\":\"it broke\",\"type\":\"server_error\",\"code\":\"upstream_truncated\"}}\n\n";
    let (pieces, is_done, failure) = read(stream);
    assert_eq!((pieces, is_done), (vec![text("half")], false));
    let Some(Failure::Refused(body)) = failure else {
        unreachable!("{failure:?}")
    };
    assert_eq!(
        (body.message.as_str(), body.code.as_deref()),
        ("it broke", Some("upstream_truncated"))
    );
}

#[test]
fn something_else_than_an_answer_is_a_failure() {
    let (pieces, _, failure) = read("data: <html>\n\n");
    assert!(pieces.is_empty());
    assert!(matches!(failure, Some(Failure::Broken(_))));
}
