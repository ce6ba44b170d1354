#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use super::*;

fn skimmed(json: &str) -> Skim {
    let mut whole = Skim::default();
    whole.push(json.as_bytes());
    for cut in 1..json.len() {
        let mut pieces = Skim::default();
        for chunk in json.as_bytes().chunks(cut) {
            pieces.push(chunk);
        }
        assert_eq!(
            (&pieces.kept, pieces.state, pieces.items),
            (&whole.kept, whole.state, whole.items),
            "{json} cut every {cut} bytes"
        );
    }
    whole
}

fn text(skim: &Skim, member: Member) -> Option<&str> {
    skim.get(member).map(|it| std::str::from_utf8(it).unwrap())
}

#[test]
fn the_usage_is_found_around_an_image_and_the_images_are_counted() {
    let json = r#" { "created": 1, "data": [{"b64_json": "iVBO\\Rw0KG\"}", "x": {"usage": 1}}, {"b64_json": ""}],
        "usage" : {"input_tokens": 3, "details": [{"a": "}"}]}, "error": null, "duration": 1.5 }
    "#;
    let skim = skimmed(json);
    assert!(skim.is_whole());
    assert_eq!(skim.items(), 2);
    assert_eq!(
        text(&skim, Member::Usage),
        Some(r#"{"input_tokens":3,"details":[{"a":"}"}]}"#)
    );
    assert_eq!(
        (text(&skim, Member::Error), text(&skim, Member::Duration)),
        (None, Some("1.5"))
    );
}

#[test]
fn what_is_cut_or_no_object_is_not_whole() {
    for json in [r#"{"a":1"#, r#"{"a":"}"#, "[1]", "", "{} x", r#""text""#] {
        assert!(!skimmed(json).is_whole(), "{json}");
    }
    assert!(skimmed("{}").is_whole());
}

#[test]
fn little_is_kept_of_a_large_answer() {
    let mut skim = Skim::default();
    skim.push(br#"{"data":[{"b64_json":""#);
    for _ in 0..1_000 {
        skim.push(&[b'A'; 10_000]);
    }
    skim.push(br#""}],"usage":{"x":""#);
    skim.push(&vec![b'B'; 1_000_000]);
    skim.push(br#""}}"#);
    assert!(skim.is_whole());
    // A usage of a megabyte is none.
    assert_eq!(text(&skim, Member::Usage), None);
    assert!(skim.kept.iter().map(Vec::capacity).sum::<usize>() < 1_000_000);
}

#[test]
fn events_are_told_apart_wherever_they_are_cut() {
    let stream = "event: image_generation.partial_image\r\ndata: {\"type\":\"partial\",\"b64_json\":\"AA\"}\r\n\r\n\
        : comment\n\ndata:{\"type\":\"completed\",\ndata: \"usage\":{\"total_tokens\":7}}\n\ndata: [DONE]\n\n";
    for cut in 1..stream.len() {
        let mut events = Vec::new();
        let mut skim = EventSkim::default();
        for chunk in stream.as_bytes().chunks(cut) {
            skim.push(chunk, |event| events.push(event));
        }
        let [
            SkimmedEvent::Data(partial),
            SkimmedEvent::Data(completed),
            SkimmedEvent::Done,
        ] = events.as_slice()
        else {
            panic!("{events:?} cut every {cut} bytes");
        };
        assert_eq!(text(partial, Member::Type), Some("\"partial\""));
        assert_eq!(
            text(completed, Member::Usage),
            Some(r#"{"total_tokens":7}"#)
        );
        assert!(completed.is_whole());
    }
}
