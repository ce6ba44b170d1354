//! Short words for what most tests do.

use std::{path::Path, thread, time::Duration};

use tollward_engine::{
    Engine, EngineError, EngineSettings, Event, GenerateRequest, Generation, Input, Sampling,
    State, StopReason, TokenLogprob,
};

pub(crate) fn engine(model: &Path) -> Engine {
    engine_with_queue(model, 64)
}

pub(crate) fn engine_with_queue(model: &Path, max_queue: usize) -> Engine {
    let engine = Engine::start(EngineSettings {
        model: model.to_owned(),
        threads: Some(2),
        context_tokens: None,
        max_queue,
    });
    engine.unwrap()
}

/// Waits until the model was read, whatever came of it.
pub(crate) fn settled(engine: &Engine) -> State {
    loop {
        match engine.state() {
            State::Loading => thread::sleep(Duration::from_millis(1)),
            state => return state,
        }
    }
}

/// A request for a greedy continuation of `text`.
pub(crate) fn greedy(text: &str, max_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        input: Input::Text(text.to_owned()),
        sampling: Sampling {
            temperature: 0.0,
            // The tiny models' end token would end tests early.
            ..Sampling::default()
        },
        max_tokens: Some(max_tokens),
        stop: Vec::new(),
        n: 1,
    }
}

/// All that came of a request, per choice.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) texts: Vec<String>,
    pub(crate) reasons: Vec<Option<StopReason>>,
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) prompt_tokens: u32,
    pub(crate) output_tokens: u32,
}

pub(crate) fn answer(mut generation: Generation) -> Result<Answer, EngineError> {
    let mut answer = Answer::default();
    let mut is_done = false;
    while let Some(event) = generation.blocking_recv() {
        assert!(!is_done, "nothing may follow the end: {event:?}");
        match event {
            Event::Started { prompt_tokens } => answer.prompt_tokens = prompt_tokens,
            Event::Token {
                choice,
                text,
                logprobs,
            } => {
                place(&mut answer, choice);
                assert_eq!(answer.reasons[choice as usize], None);
                answer.texts[choice as usize].push_str(&text);
                answer.logprobs.extend(logprobs);
            }
            Event::Finished { choice, reason } => {
                place(&mut answer, choice);
                assert_eq!(answer.reasons[choice as usize].replace(reason), None);
            }
            Event::Done {
                prompt_tokens,
                output_tokens,
            } => {
                assert_eq!(answer.prompt_tokens, prompt_tokens);
                answer.output_tokens = output_tokens;
                is_done = true;
            }
            Event::Failed(error) => return Err(error),
        }
    }
    assert!(is_done, "the events broke off");
    Ok(answer)
}

fn place(answer: &mut Answer, choice: u32) {
    let needed = choice as usize + 1;
    if answer.texts.len() < needed {
        answer.texts.resize(needed, String::new());
        answer.reasons.resize(needed, None);
    }
}

pub(crate) fn run(engine: &Engine, request: GenerateRequest) -> Answer {
    answer(engine.submit(request).unwrap()).unwrap()
}
