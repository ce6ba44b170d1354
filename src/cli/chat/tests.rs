#![expect(clippy::unwrap_used, reason = "tests")]

use std::future::{pending, ready};

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::{
    cli::{client::tests::client_of, console::tests::capture},
    weights::tests::server::{Reply, Server},
};

#[derive(Parser)]
pub(crate) struct Line {
    #[command(flatten)]
    pub(crate) chat: ChatArgs,
}

pub(crate) fn args(line: &[&str]) -> ChatArgs {
    Line::try_parse_from([&["chat"], line].concat())
        .unwrap()
        .chat
}

/// A stream that says `words`.
pub(crate) fn answer(words: &[&str], finish: &str) -> String {
    let chunk = |delta: Value, finish: Value| {
        format!(
            "data: {}\n\n",
            json!({"choices": [{"delta": delta, "finish_reason": finish}]})
        )
    };
    let mut stream: String = words
        .iter()
        .map(|word| chunk(json!({"content": word}), Value::Null))
        .collect();
    stream += &chunk(json!({}), finish.into());
    stream + "data: [DONE]\n\n"
}

fn talk(server: &Server, line: &[&str]) -> Talk {
    Talk::new(client_of(server), "m".to_owned(), &args(line))
}

#[tokio::test]
async fn an_answer_is_written_as_it_comes_and_kept_for_the_next_question() {
    let server = Server::start(|_| Reply::new(200, answer(&["Hel", "lo"], "stop")));
    let mut talk = talk(
        &server,
        &[
            "--system",
            "be brief",
            "--max-tokens",
            "9",
            "--temperature",
            "0.5",
        ],
    );
    for question in ["one", "two"] {
        let (ending, out, notes) =
            capture(async |console| talk.say(question.to_owned(), pending(), console).await).await;
        assert_eq!(
            (ending.unwrap(), out.as_str(), notes.as_str()),
            (Ending::Complete, "Hello\n", "")
        );
    }
    let sent: Value = serde_json::from_str(&server.seen().pop().unwrap().body).unwrap();
    let messages = json!([
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "two"},
    ]);
    assert_eq!(
        sent,
        json!({"model": "m", "messages": messages, "max_tokens": 9, "temperature": 0.5, "stream": true})
    );
}

#[tokio::test]
async fn a_failed_question_is_taken_back() {
    let server = Server::start(|_| {
        Reply::new(404, r#"{"error":{"message":"no model `m`"}}"#).with("x-request-id", "r-1")
    });
    let mut talk = talk(&server, &[]);
    let (ending, out, _) =
        capture(async |console| talk.say("hi".to_owned(), pending(), console).await).await;
    assert_eq!(
        ending.unwrap_err().to_string(),
        "no model `m` (request r-1)"
    );
    assert_eq!((out.as_str(), talk.messages.len()), ("", 0));
}

#[tokio::test]
async fn half_an_answer_is_shown_and_is_an_error() {
    let server = Server::start(|_| {
        let whole = answer(&["half", " more"], "stop");
        Reply::new(200, whole.clone())
            .cut_after(whole.find("data: {\"choices\":[{\"delta\":{}").unwrap())
    });
    let mut talk = talk(&server, &[]);
    let (ending, out, _) =
        capture(async |console| talk.say("hi".to_owned(), pending(), console).await).await;
    assert!(
        ending
            .unwrap_err()
            .to_string()
            .starts_with("the answer broke off")
    );
    assert_eq!(out, "half more\n");
}

#[tokio::test]
async fn a_stopped_answer_is_not_an_error() {
    let server = Server::start(|_| Reply::new(200, answer(&["x"], "stop")));
    let mut talk = talk(&server, &[]);
    let (ending, ..) =
        capture(async |console| talk.say("hi".to_owned(), ready(()), console).await).await;
    assert_eq!(ending.unwrap(), Ending::Interrupted);
    assert!(talk.messages.is_empty());
}

#[tokio::test]
async fn a_cut_answer_says_so() {
    let server = Server::start(|_| Reply::new(200, answer(&["and so on"], "length")));
    let mut talk = talk(&server, &[]);
    let (_, out, notes) =
        capture(async |console| talk.say("hi".to_owned(), pending(), console).await).await;
    assert_eq!(
        (out.as_str(), notes.as_str()),
        (
            "and so on\n",
            "[the answer was cut: it reached the limit of tokens]\n"
        )
    );
}

#[tokio::test]
async fn a_terminal_is_spared_the_escape_sequences_of_a_model_and_a_file_is_not() {
    let server = Server::start(|_| Reply::new(200, answer(&["\u{1b}[2Jhi"], "stop")));
    for (is_terminal, expected) in [(true, "[2Jhi\n"), (false, "\u{1b}[2Jhi\n")] {
        let (_, out, _) = capture(async |console| {
            console.is_terminal = is_terminal;
            talk(&server, &[])
                .say("hi".to_owned(), pending(), console)
                .await
        })
        .await;
        assert_eq!(out, expected);
    }
}

#[tokio::test]
async fn without_a_model_the_first_served_one_is_asked() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/models" => Reply::new(200, r#"{"data":[{"id":"first"},{"id":"second"}]}"#),
        _ => Reply::new(200, answer(&["hi"], "stop")),
    });
    let gateway = Gateway {
        base_url: format!("{}/v1", server.url()),
        key: None,
    };
    let place = ChatPlace {
        gateway,
        history: None,
        is_stdin_terminal: true,
    };
    let (ending, out, _) =
        capture(async |console| run(&args(&["hello", "there"]), &place, console).await).await;
    assert_eq!((ending.unwrap(), out.as_str()), (Ending::Complete, "hi\n"));
    let sent: Value = serde_json::from_str(&server.seen().pop().unwrap().body).unwrap();
    assert_eq!(
        sent,
        json!({"model": "first", "messages": [{"role": "user", "content": "hello there"}], "stream": true})
    );
}

#[test]
fn the_prompt_comes_from_the_arguments_or_from_standard_input() {
    let of = |words: &[&str], is_terminal, stdin: &str| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        prompt(&words, is_terminal, &mut stdin.as_bytes()).map_err(drop)
    };
    let said = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(of(&[], true, "unread"), Ok(None));
    assert_eq!(of(&["a", "b"], false, "unread"), said("a b"));
    assert_eq!(of(&[], false, "piped\n"), said("piped"));
    assert_eq!(
        of(&["sum up:", "-"], false, "piped\n"),
        said("sum up: piped")
    );
    assert_eq!(of(&[], false, "\n"), Err(()));
    assert_eq!(of(&[" "], true, ""), Err(()));
}

#[test]
fn arguments_out_of_range_are_refused() {
    for line in [
        ["--temperature", "3"],
        ["--temperature", "NaN"],
        ["--max-tokens", "0"],
    ] {
        assert!(
            Line::try_parse_from([&["chat"], &line[..]].concat()).is_err(),
            "{line:?}"
        );
    }
}

#[tokio::test]
async fn of_a_stopped_answer_the_part_that_was_seen_stays_in_the_conversation() {
    // The server announces more than it sends and keeps the connection open until the client leaves.
    let server = Server::start(|_| Reply::new(200, answer(&["half"], "stop")).held_open());
    let mut talk = talk(&server, &[]);
    let (seen, is_seen) = tokio::sync::oneshot::channel();
    let mut out = Watched {
        text: Vec::new(),
        seen: Some(seen),
    };
    let mut console = Console {
        out: &mut out,
        notes: &mut io::sink(),
        is_terminal: false,
    };
    let stop = async { drop(is_seen.await) };
    let ending = talk.say("hi".to_owned(), stop, &mut console).await;
    assert_eq!(ending.unwrap(), Ending::Interrupted);
    assert_eq!(out.text, b"half\n");
    let said: Vec<_> = talk
        .messages
        .iter()
        .map(|message| (message.role, message.content.as_str()))
        .collect();
    assert_eq!(said, [("user", "hi"), ("assistant", "half")]);
}

/// A stream that says when something was written to it.
struct Watched {
    text: Vec<u8>,
    seen: Option<tokio::sync::oneshot::Sender<()>>,
}

impl io::Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.seen.take().map(|seen| seen.send(()));
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
