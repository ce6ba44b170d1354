#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    cli::{
        chat::tests::{answer, args},
        client::tests::client_of,
        console::tests::capture,
    },
    weights::tests::server::{Reply, Server},
};

#[test]
fn a_line_is_a_question_or_a_command() {
    let cases = [
        ("  ", Input::Nothing),
        (" hi /quit ", Input::Say("hi /quit")),
        ("/model", Input::ListModels),
        ("/model  gpt-x ", Input::UseModel("gpt-x")),
        ("/clear", Input::Clear),
        ("/quit", Input::Quit),
        ("/what now", Input::Unknown("what")),
    ];
    for (line, expected) in cases {
        assert_eq!(parse(line), expected, "{line}");
    }
}

#[tokio::test]
async fn commands_change_the_conversation_and_errors_do_not_end_it() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => Reply::new(200, r#"{"data":[{"id":"m"},{"id":"other"}]}"#),
        _ if request.body.contains("other") => Reply::new(200, answer(&["hello"], "stop")),
        _ => Reply::new(502, r#"{"error":{"message":"upstream is down"}}"#),
    });
    let mut talk = Talk::new(client_of(&server), "m".to_owned(), &args(&[]));
    let lines = [
        "hi",
        "/model",
        "/model nope",
        "/model other",
        "hi",
        "/clear",
    ];
    let ((), out, notes) = capture(async |console| {
        for line in lines {
            assert_eq!(
                obey(&mut talk, parse(line), console).await.unwrap(),
                Next::Continue
            );
        }
        assert_eq!(
            obey(&mut talk, Input::Quit, console).await.unwrap(),
            Next::Leave
        );
    })
    .await;
    assert_eq!(out, "hello\n");
    let expected = "error: upstream is down\n* m\n  other\n\
        The gateway serves no `nope`. /model lists what it serves.\nTalking to other.\nForgotten.\n";
    assert_eq!(notes, expected);
    assert_eq!((talk.model.as_str(), talk.messages.len()), ("other", 0));
}
