//! The conversation in the terminal: a line in, an answer out, a few commands that start with `/`.
//!
//! What was typed is remembered in a file of the person's own, answers are not. Errors are shown and the
//! conversation goes on; only `/quit` and the end of the input end it.

use std::{fs, path::Path};

use anyhow::Context;
use rustyline::{Config, DefaultEditor, error::ReadlineError};

use crate::cli::{
    chat::{Ending, Talk, interrupt},
    console::{Console, printable},
};

/// Lines that the history file keeps.
const HISTORY_LINES: usize = 1_000;
const HELP: &str = "/model [NAME]  show the models, or talk to another one
/clear         forget the conversation
/quit          leave; so does Ctrl-D
Ctrl-C stops an answer.";

/// What a typed line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Input<'a> {
    Nothing,
    Say(&'a str),
    ListModels,
    UseModel(&'a str),
    Clear,
    Help,
    Quit,
    Unknown(&'a str),
}

/// What happens after a line.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Continue,
    Leave,
}

/// Talks until the person leaves.
///
/// # Errors
/// There is no usable terminal, or the output is closed.
pub(crate) async fn run(
    talk: &mut Talk,
    history: Option<&Path>,
    console: &mut Console<'_>,
) -> anyhow::Result<Ending> {
    let config = Config::builder()
        .max_history_size(HISTORY_LINES)?
        .history_ignore_space(true)
        .auto_add_history(true)
        .build();
    let mut editor = DefaultEditor::with_config(config).context("failed to open the terminal")?;
    if let Some(path) = history {
        // No history yet is the normal case.
        drop(editor.load_history(path));
    }
    writeln!(
        console.notes,
        "Talking to {}. /help lists the commands.",
        printable(&talk.model)
    )?;
    loop {
        // The editor blocks on the terminal, so it waits on a thread of its own and comes back with the line.
        let reading = tokio::task::spawn_blocking(move || {
            let line = editor.readline("> ");
            (editor, line)
        });
        let (returned, line) = reading.await.context("failed to read the terminal")?;
        editor = returned;
        match line {
            Ok(line) => {
                remember(&mut editor, history);
                if obey(talk, parse(&line), console).await? == Next::Leave {
                    return Ok(Ending::Complete);
                }
            }
            Err(ReadlineError::Interrupted) => {
                writeln!(console.notes, "(/quit or Ctrl-D to leave)")?;
            }
            Err(ReadlineError::Eof) => return Ok(Ending::Complete),
            Err(error) => return Err(error).context("failed to read the terminal"),
        }
    }
}

/// Appends at once: a conversation may end with the terminal.
fn remember(editor: &mut DefaultEditor, history: Option<&Path>) {
    let Some(path) = history else { return };
    if let Some(dir) = path.parent() {
        drop(fs::create_dir_all(dir));
    }
    // A history that cannot be kept is no reason to stop talking.
    drop(editor.append_history(path));
}

fn parse(line: &str) -> Input<'_> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return if line.is_empty() {
            Input::Nothing
        } else {
            Input::Say(line)
        };
    };
    let (word, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    match (word, rest.trim()) {
        ("model" | "models", "") => Input::ListModels,
        ("model", name) => Input::UseModel(name),
        ("clear", _) => Input::Clear,
        ("help" | "?", _) => Input::Help,
        ("quit" | "exit" | "q" | "bye", _) => Input::Quit,
        _ => Input::Unknown(word),
    }
}

async fn obey(
    talk: &mut Talk,
    input: Input<'_>,
    console: &mut Console<'_>,
) -> std::io::Result<Next> {
    match input {
        Input::Nothing => {}
        Input::Say(text) => match talk.say(text.to_owned(), interrupt(), console).await {
            Ok(Ending::Complete) => {}
            Ok(Ending::Interrupted) => writeln!(console.notes, "[stopped]")?,
            Err(error) => writeln!(console.notes, "error: {error}")?,
        },
        Input::ListModels => match talk.client.models().await {
            Ok(models) => {
                for model in models {
                    let mark = if model.id == talk.model { '*' } else { ' ' };
                    writeln!(console.notes, "{mark} {}", printable(&model.id))?;
                }
            }
            Err(error) => writeln!(console.notes, "error: {error}")?,
        },
        Input::UseModel(name) => use_model(talk, name, console).await?,
        Input::Clear => {
            talk.clear();
            writeln!(console.notes, "Forgotten.")?;
        }
        Input::Help => writeln!(console.notes, "{HELP}")?,
        Input::Quit => return Ok(Next::Leave),
        Input::Unknown(word) => writeln!(
            console.notes,
            "There is no /{}. /help lists the commands.",
            printable(word)
        )?,
    }
    Ok(Next::Continue)
}

async fn use_model(talk: &mut Talk, name: &str, console: &mut Console<'_>) -> std::io::Result<()> {
    // Without a list (the gateway may refuse it) the name is taken at its word; the next answer will tell.
    let served = talk.client.models().await.ok();
    if served.is_some_and(|models| models.iter().all(|model| model.id != name)) {
        return writeln!(
            console.notes,
            "The gateway serves no `{}`. /model lists what it serves.",
            printable(name)
        );
    }
    name.clone_into(&mut talk.model);
    writeln!(console.notes, "Talking to {}.", printable(name))
}

#[cfg(test)]
mod tests;
