use super::*;

fn members() -> Vec<(&'static str, Bytes)> {
    vec![
        ("cost", Bytes::from_static(b"0.000123")),
        ("cost_details", Bytes::from_static(br#"{"input":0.000123}"#)),
    ]
}

fn answer(operation: Operation, body: &'static str) -> Option<String> {
    let found = extend_answer(operation, &Bytes::from_static(body.as_bytes()), &members());
    found.map(|it| String::from_utf8(it.to_vec()).unwrap_or_default())
}

#[test]
fn a_whole_answer_keeps_its_bytes_and_gains_members_at_the_end_of_its_usage() {
    let body = "{ \"id\":\"x\", \"usage\" : {\"prompt_tokens\": 1 } ,\"choices\":[]}";
    let expected = "{ \"id\":\"x\", \"usage\" : {\"prompt_tokens\": 1,\"cost\":0.000123,\"cost_details\":{\"input\":0.000123} } ,\"choices\":[]}";
    for operation in [
        Operation::Chat,
        Operation::Completions,
        Operation::Embeddings,
        Operation::Responses,
    ] {
        assert_eq!(answer(operation, body).as_deref(), Some(expected));
    }
    assert_eq!(answer(Operation::Messages, body), None);
}

#[test]
fn what_the_vendor_told_is_neither_changed_nor_told_twice() {
    assert_eq!(answer(Operation::Chat, r#"{"usage":{"cost":0.5}}"#), None);
    assert_eq!(answer(Operation::Chat, r#"{"usage":{"cost":null}}"#), None);
    let detailed = r#"{"usage":{"cost_details":{"upstream_inference_cost":null}}}"#;
    let expected = r#"{"usage":{"cost_details":{"upstream_inference_cost":null},"cost":0.000123}}"#;
    assert_eq!(answer(Operation::Chat, detailed).as_deref(), Some(expected));
}

#[test]
fn an_answer_without_usage_is_left_alone() {
    for body in [
        r#"{"choices":[{"message":{"content":"\"usage\":{}"}}]}"#,
        r#"{"usage":null}"#,
        r#"{"usage":3}"#,
        r#"{"usage":{},"usage":{}}"#,
        "[]",
        "",
    ] {
        assert_eq!(answer(Operation::Chat, body), None, "{body}");
    }
}

fn events(operation: Operation, pieces: &[&'static str], from: usize) -> (bool, Vec<String>) {
    let mut stream = Segments::new();
    stream.extend(pieces.iter().map(|it| Bytes::from_static(it.as_bytes())));
    let told = extend_events(operation, &mut stream, from, &members());
    let text = stream.to_bytes();
    let text = String::from_utf8(text.to_vec()).unwrap_or_default();
    (told, text.lines().map(str::to_owned).collect())
}

const TEXT: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"usage\\\" is a word\"}}]}\n\n";
const NULL: &str = "data: {\"choices\":[],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
const TOLD: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3,\"cost\":0.000123,\"cost_details\":{\"input\":0.000123}}}";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn the_last_usage_of_the_events_gains_the_members() {
    let (told, lines) = events(Operation::Chat, &[TEXT, USAGE, USAGE, TEXT, NULL, DONE], 0);
    assert!(told);
    let plain = |text: &str| text.trim_end().to_owned();
    let expected = [TEXT, USAGE, TOLD, TEXT, NULL, DONE].map(plain);
    let found: Vec<_> = lines.into_iter().filter(|it| !it.is_empty()).collect();
    assert_eq!(found, expected);
}

#[test]
fn events_that_go_out_in_one_piece_are_told_apart() {
    let joined: &'static str =
        "data: {\"usage\":{\"a\":1}}\r\n\r\ndata:{\"usage\":{\"a\":2}}\r\n\r\ndata: [DONE]\r\n\r\n";
    let (told, lines) = events(Operation::Completions, &[joined], 0);
    assert!(told);
    assert_eq!(
        lines.first().map(String::as_str),
        Some("data: {\"usage\":{\"a\":1}}")
    );
    let second =
        "data:{\"usage\":{\"a\":2,\"cost\":0.000123,\"cost_details\":{\"input\":0.000123}}}";
    assert_eq!(lines.get(2).map(String::as_str), Some(second));
}

#[test]
fn pieces_before_the_given_one_are_not_looked_at() {
    let (told, lines) = events(Operation::Chat, &[USAGE, DONE], 1);
    assert!(!told);
    assert_eq!(lines.first().map(String::as_str), Some(USAGE.trim_end()));
}

#[test]
fn the_usage_of_a_response_is_inside_of_it() {
    let completed = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":1},\"output\":[]}}\n\n";
    let (told, lines) = events(Operation::Responses, &[completed], 0);
    assert!(told);
    let expected = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"usage\":{\"input_tokens\":1,\"cost\":0.000123,\"cost_details\":{\"input\":0.000123}},\"output\":[]}}";
    assert_eq!(lines.get(1).map(String::as_str), Some(expected));
}
