//! The embedded engine behind every caller: a tiny model whose weights spell one answer.
//!
//! Each token has exactly one likely successor, so that text, end and usage are known to the
//! token. What the engine cannot do it must refuse, in the caller's envelope and by the
//! caller's name. No vendor can be told to fail here: what fails is a prompt that is too long.

#[path = "../../engine/tests/engine/tiny.rs"]
#[expect(dead_code, reason = "the engine's tests use the rest")]
mod tiny;

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::callers::Caller;
use super::heard::{Usage, Wanted, check};
use super::scene::{Finish, PROMPT, Said, Scene};
use super::{Cell, Outcome};
use crate::support::client::{Client, Response};
use crate::support::config::Config;
use tiny::{Gguf, TinyModel, VOCABULARY, WIDTH};

/// The column's name in the table, and a model's.
pub(crate) const NAME: &str = "embedded";
/// A model with hardly any context.
const SHORT: &str = "embedded-short";
/// What the model says. No byte comes twice: each leads to the next.
const ANSWER: &str = "Token 👋ça(128):";
/// A context that holds no prompt of ours.
const SHORT_CONTEXT: u32 = 8;

/// Whether the binary under test has the engine.
pub(crate) const IS_BUILT_IN: bool = cfg!(feature = "local");

/// The model files, as long as this value lives.
pub(crate) struct Embedded {
    model: TinyModel,
    short: TinyModel,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        Self {
            model: tiny::write(&chain(tiny::CONTEXT)),
            short: tiny::write(&chain(SHORT_CONTEXT)),
        }
    }

    pub(crate) fn configure(&self, config: Config) -> Config {
        if !IS_BUILT_IN {
            return config;
        }
        let deployment = |model: &TinyModel| format!("local/{}", model.path.display());
        config
            .set("/engine/enabled", json!("on"))
            .model(NAME, &[&deployment(&self.model)])
            .model(SHORT, &[&deployment(&self.short)])
    }
}

/// A model that says [`ANSWER`] after each of our prompts, and ends.
///
/// Its layers add nothing, so that the logits are those of the last token alone: the head's
/// row of a token is made of the embeddings of those it may follow.
fn chain(context: u32) -> Gguf {
    let mut gguf = Gguf::tiny_with_context("llama", Some(tiny::TEMPLATE), context);
    let mut embedding = Vec::new();
    for (name, _, values) in &mut gguf.tensors {
        if name == "token_embd.weight" {
            // Rows of ±1 are nearly at right angles to each other.
            for value in values.iter_mut() {
                *value = value.signum();
            }
            embedding.clone_from(values);
        } else if name.starts_with("blk.") && !name.ends_with("norm.weight") {
            values.fill(0.0);
        }
    }
    let width = usize::try_from(WIDTH).unwrap();
    let mut head = vec![0.0; embedding.len()];
    let mut lead = |from: u32, to: u32| {
        let (from, to) = (from as usize * width, to as usize * width);
        for at in 0..width {
            head[to + at] += embedding[from + at];
        }
    };
    let answer: Vec<u32> = ANSWER.bytes().map(u32::from).collect();
    // Chats end with the template's line break, texts with the last byte of the prompt.
    for last in [b'\n', *PROMPT.as_bytes().last().unwrap()] {
        lead(u32::from(last), answer[0]);
    }
    for pair in answer.windows(2) {
        lead(pair[0], pair[1]);
    }
    lead(*answer.last().unwrap(), tiny::END);
    let shape = vec![WIDTH, VOCABULARY.into()];
    gguf.tensors.push(("output.weight".to_owned(), shape, head));
    gguf
}

/// What must come of a scene.
enum Expected {
    Answered(Said),
    Refused,
    TooLong,
    Absent,
}

fn expected(scene: Scene) -> Expected {
    let said = |text, finish| {
        let (reasoning, calls) = ("", Vec::new());
        Expected::Answered(Said {
            reasoning,
            text,
            calls,
            finish,
        })
    };
    match scene {
        Scene::Text | Scene::Reasoning => said(ANSWER, Finish::Stop),
        Scene::Length => {
            let limit = usize::try_from(scene.limit()).unwrap();
            said(&ANSWER[..limit], Finish::Length)
        }
        Scene::Call
        | Scene::Calls
        | Scene::EmptyCall
        | Scene::Loop
        | Scene::Image
        | Scene::Schema => Expected::Refused,
        Scene::EarlyError => Expected::TooLong,
        Scene::Filter | Scene::BadRequest | Scene::LateError => Expected::Absent,
    }
}

/// The cells of one caller.
pub(crate) async fn cells(caller: &dyn Caller, gateway: SocketAddr) -> Vec<Cell> {
    let mut cells = Vec::new();
    for is_stream in [false, true] {
        for scene in Scene::ALL {
            cells.push(Cell {
                caller: caller.name(),
                vendor: NAME,
                scene,
                is_stream,
                outcome: if IS_BUILT_IN {
                    cell(caller, scene, is_stream, gateway).await
                } else {
                    Outcome::NotBuiltIn
                },
            });
        }
    }
    cells
}

async fn cell(caller: &dyn Caller, scene: Scene, is_stream: bool, gateway: SocketAddr) -> Outcome {
    let expected = expected(scene);
    let model = match expected {
        Expected::Absent => return Outcome::Absent,
        Expected::TooLong => SHORT,
        Expected::Answered(_) | Expected::Refused => NAME,
    };
    let Some(request) = caller.ask(scene, model, is_stream) else {
        return Outcome::Absent;
    };
    let response = Client::connect(gateway).await.send(&request).await;
    let wrong = match &expected {
        // To think is a wish that a model without thoughts may be asked for in vain: OpenAI's own
        // API refuses it in a chat, and a translation leaves it out and says so.
        Expected::Answered(_) if scene == Scene::Reasoning && response.status == 400 => {
            refused(caller, &response, caller.field(scene))
        }
        Expected::Answered(said) => answered(caller, &response, scene, said, is_stream),
        Expected::Refused => refused(caller, &response, caller.field(scene)),
        Expected::TooLong => refused(caller, &response, caller.too_long()),
        Expected::Absent => Vec::new(),
    };
    Outcome::of(wrong)
}

fn answered(
    caller: &dyn Caller,
    response: &Response,
    scene: Scene,
    said: &Said,
    is_stream: bool,
) -> Vec<String> {
    if response.status != 200 {
        return vec![format!("{} {}", response.status, response.text())];
    }
    let mut wrong = Vec::new();
    if scene == Scene::Reasoning {
        let dropped = response.header("x-tollward-dropped");
        if dropped.is_none_or(|it| !it.contains("reason") && !it.contains("think")) {
            wrong.push(format!("dropped is {dropped:?}"));
        }
    }
    // A token is a byte or a mark of the template. The end is a token, too.
    let template = 3 + "user\n".len() + "assistant\n".len();
    let input = PROMPT.len() + if caller.is_text() { 0 } else { template };
    let output = said.text.len() + usize::from(said.finish == Finish::Stop);
    let usage = Usage {
        input: u64::try_from(input).unwrap(),
        cached: caller.counts_cache().then_some(0),
        output: u64::try_from(output).unwrap(),
    };
    let wanted = Wanted {
        finish: caller.finish(said.finish),
        usage,
        makes_ids: false,
    };
    wrong.extend(caller.hear(response, is_stream).compare(said, &wanted));
    wrong
}

/// What is wrong with a refusal that must have `word` in it.
fn refused(caller: &dyn Caller, response: &Response, word: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    check(&mut wrong, "status", &response.status, &400);
    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    match caller.error(&body) {
        Ok(message) => {
            let is_named = message.contains(word) || body["error"]["param"] == word;
            if !is_named {
                wrong.push(format!("{word:?} is not in {body}"));
            }
        }
        Err(error) => wrong.push(error),
    }
    wrong
}
