//! `tollward chat`: one question, or a conversation in the terminal.
//!
//! It speaks HTTP to a gateway like any client; finding or starting one is the caller's. With a prompt, or
//! with text on standard input, one answer is written and the command ends; in a terminal without a prompt
//! a conversation begins (`chat/repl.rs`).

use std::{
    future::Future,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::{
    client::{Client, ClientError, Gateway, Message, Question, answer::Piece},
    console::{Console, printable},
};

pub mod repl;

/// Arguments of `tollward chat`.
#[derive(Debug, Clone, Args)]
pub struct ChatArgs {
    /// Model to ask [default: the first one the gateway serves]
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// What the model is told before the conversation
    #[arg(short, long, value_name = "TEXT")]
    pub system: Option<String>,
    /// Most tokens of an answer [default: the model's own limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 for the likeliest answer [default: the model's own]
    #[arg(long, value_name = "T", value_parser = parse_temperature)]
    pub temperature: Option<f32>,
    /// The question; `-` stands for standard input
    #[arg(value_name = "PROMPT")]
    pub prompt: Vec<String>,
}

fn parse_temperature(text: &str) -> Result<f32, String> {
    let value: Option<f32> = text.parse().ok();
    value
        .filter(|value| (0.0..=2.0).contains(value))
        .ok_or_else(|| "must be a number from 0 to 2".to_owned())
}

/// What `chat` needs from its surroundings.
#[derive(Debug, Clone)]
pub struct ChatPlace {
    /// The gateway to talk to.
    pub gateway: Gateway,
    /// Where the conversation's input lines are remembered; `None` remembers nothing.
    pub history: Option<PathBuf>,
    /// Whether a person types on standard input.
    pub is_stdin_terminal: bool,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is whole.
    Complete,
    /// The person stopped it; the process should end with status 130 in a script.
    Interrupted,
}

/// Runs `tollward chat`. An interrupt (Ctrl-C) ends the answer, not the conversation.
///
/// # Errors
/// No model is served, or (outside a conversation) the question could not be answered.
pub async fn run(
    args: &ChatArgs,
    place: &ChatPlace,
    console: &mut Console<'_>,
) -> anyhow::Result<Ending> {
    let client = Client::new(place.gateway.clone())?;
    let prompt = prompt(
        &args.prompt,
        place.is_stdin_terminal,
        &mut io::stdin().lock(),
    )?;
    let model = match &args.model {
        Some(model) => model.clone(),
        None => first_model(&client).await?,
    };
    let mut talk = Talk::new(client, model, args);
    match prompt {
        Some(prompt) => Ok(talk.say(prompt, interrupt(), console).await?),
        None => repl::run(&mut talk, place.history.as_deref(), console).await,
    }
}

/// The question, or `None` for a conversation.
fn prompt(
    words: &[String],
    is_stdin_terminal: bool,
    stdin: &mut impl Read,
) -> anyhow::Result<Option<String>> {
    let asks_stdin = words.iter().any(|word| word == "-");
    if words.is_empty() && is_stdin_terminal {
        return Ok(None);
    }
    let mut piped = String::new();
    // Standard input is read only when nothing else was said: a script may leave it open for ever.
    if asks_stdin || words.is_empty() {
        stdin
            .read_to_string(&mut piped)
            .context("failed to read standard input")?;
    }
    let said = words.iter().map(|word| {
        if word == "-" {
            piped.trim_end()
        } else {
            word.as_str()
        }
    });
    let said: Vec<_> = said.collect();
    let text = if words.is_empty() {
        piped.trim().to_owned()
    } else {
        said.join(" ")
    };
    if text.trim().is_empty() {
        bail!("the prompt is empty; say something: tollward chat \"hello\"");
    }
    Ok(Some(text))
}

async fn first_model(client: &Client) -> anyhow::Result<String> {
    let models = client.models().await?;
    let first = models.into_iter().next();
    let Some(model) = first else {
        bail!(
            "the gateway serves no model; set a provider's key such as OPENAI_API_KEY, or run: tollward pull"
        );
    };
    Ok(model.id)
}

/// Waits for Ctrl-C. Where signals cannot be had, it waits for ever.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A conversation with one model at a time.
pub(crate) struct Talk {
    client: Client,
    model: String,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    system: Option<String>,
    messages: Vec<Message>,
}

impl Talk {
    pub(crate) fn new(client: Client, model: String, args: &ChatArgs) -> Self {
        let (max_tokens, temperature, system) =
            (args.max_tokens, args.temperature, args.system.clone());
        let mut talk = Self {
            client,
            model,
            max_tokens,
            temperature,
            system,
            messages: Vec::new(),
        };
        talk.clear();
        talk
    }

    /// Forgets everything but what the model is told first.
    pub(crate) fn clear(&mut self) {
        let system = self.system.iter().map(|content| Message {
            role: "system",
            content: content.clone(),
        });
        self.messages = system.collect();
    }

    /// Says `text` and writes the answer as it comes, until it ends or `stop` does.
    ///
    /// A question that failed is taken back, so that it can be asked again; of a stopped answer the part that
    /// was seen stays in the conversation.
    pub(crate) async fn say(
        &mut self,
        text: String,
        stop: impl Future<Output = ()>,
        console: &mut Console<'_>,
    ) -> Result<Ending, ClientError> {
        let before = self.messages.len();
        self.messages.push(Message {
            role: "user",
            content: text,
        });
        let mut answer = String::new();
        let mut screen = Screen {
            console,
            has_open_line: false,
        };
        tokio::pin!(stop);
        let ending = tokio::select! {
            // An interrupt is looked at first: a fast stream must not starve it.
            biased;
            () = &mut stop => Ok(Ending::Interrupted),
            result = self.stream(&mut answer, &mut screen) => result.map(|()| Ending::Complete),
        };
        screen.end_line();
        if ending.is_err() || answer.is_empty() {
            self.messages.truncate(before);
        } else {
            self.messages.push(Message {
                role: "assistant",
                content: answer,
            });
        }
        ending
    }

    async fn stream(
        &self,
        answer: &mut String,
        screen: &mut Screen<'_, '_>,
    ) -> Result<(), ClientError> {
        let question = Question {
            model: &self.model,
            messages: &self.messages,
            max_tokens: self.max_tokens,
            temperature: self.temperature,
            stream: true,
        };
        let mut stream = self.client.ask(&question).await?;
        let mut reason = None;
        while let Some(piece) = stream.next().await? {
            match piece {
                Piece::Text(text) => {
                    screen.show(&text);
                    answer.push_str(&text);
                }
                Piece::Finished(finished) => reason = Some(finished),
            }
        }
        match reason.as_deref() {
            Some("length") => screen.remark("[the answer was cut: it reached the limit of tokens]"),
            Some("content_filter") => {
                screen.remark("[the answer was cut by the provider's content filter]");
            }
            _ if answer.is_empty() => screen.remark("[the model answered with nothing]"),
            _ => {}
        }
        Ok(())
    }
}

/// Writes an answer piece by piece. A closed stream is not worth an error in the middle of one.
struct Screen<'c, 'a> {
    console: &'c mut Console<'a>,
    has_open_line: bool,
}

impl Screen<'_, '_> {
    fn show(&mut self, text: &str) {
        // A model's text may hold escape sequences; a terminal would obey them, a file will not.
        let shown = if self.console.is_terminal {
            printable(text)
        } else {
            text.to_owned()
        };
        drop(
            self.console
                .out
                .write_all(shown.as_bytes())
                .and_then(|()| self.console.out.flush()),
        );
        if !shown.is_empty() {
            self.has_open_line = !shown.ends_with('\n');
        }
    }

    fn end_line(&mut self) {
        if self.has_open_line {
            drop(writeln!(self.console.out));
            self.has_open_line = false;
        }
    }

    fn remark(&mut self, text: &str) {
        self.end_line();
        drop(writeln!(self.console.notes, "{text}"));
    }
}

#[cfg(test)]
pub(crate) mod tests;
