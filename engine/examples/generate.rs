//! Continues a prompt greedily and reports speed: `generate MODEL PROMPT [TOKENS] [chat]`.
#![expect(clippy::disallowed_methods, reason = "an example with a stopwatch")]

use std::{
    io::{Write as _, stdout},
    time::Instant,
};

use tollward_engine::{
    ChatMessage, Engine, EngineSettings, Event, GenerateRequest, Generation, Input, Sampling, State,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: generate MODEL PROMPT [TOKENS] [chat]";
    let model = arguments.next().ok_or(usage)?;
    let prompt = arguments.next().ok_or(usage)?;
    let max_tokens = arguments
        .next()
        .map(|n| n.parse())
        .transpose()?
        .unwrap_or(64);
    let input = match arguments.next() {
        None => Input::Text(prompt),
        Some(_) => Input::Chat(vec![ChatMessage {
            role: "user".to_owned(),
            content: prompt,
        }]),
    };
    let start = Instant::now();
    let engine = Engine::start(EngineSettings {
        model: model.into(),
        threads: None,
        context_tokens: None,
        max_queue: 4,
    })?;
    while matches!(engine.state(), State::Loading) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    eprintln!("{:?} after {:.2?}", engine.state(), start.elapsed());
    let start = Instant::now();
    let mut generation = engine.submit(GenerateRequest {
        input,
        sampling: Sampling {
            temperature: 0.0,
            ..Sampling::default()
        },
        max_tokens: Some(max_tokens),
        stop: Vec::new(),
        n: 1,
    })?;
    report(&mut generation, start)
}

/// Prints the answer as it comes, and then how fast it came.
fn report(generation: &mut Generation, start: Instant) -> Result<(), Box<dyn std::error::Error>> {
    let mut first = None;
    while let Some(event) = generation.blocking_recv() {
        match event {
            Event::Token { text, .. } => {
                first.get_or_insert_with(Instant::now);
                stdout().write_all(text.as_bytes())?;
                stdout().flush()?;
            }
            Event::Done {
                prompt_tokens,
                output_tokens,
            } => {
                let first = first.unwrap_or(start);
                let prompt = (first - start).as_secs_f64();
                let answer = first.elapsed().as_secs_f64();
                eprintln!(
                    "\nprompt {prompt_tokens} tokens, {:.1} tok/s; answer {output_tokens} tokens, {:.1} tok/s",
                    f64::from(prompt_tokens) / prompt,
                    f64::from(output_tokens - 1) / answer,
                );
            }
            Event::Failed(error) => return Err(error.into()),
            Event::Started { .. } | Event::Finished { .. } => {}
        }
    }
    Ok(())
}
