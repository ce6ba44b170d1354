//! The chat template inside the model file, rendered within limits.
//!
//! A template is code from a stranger: it gets fuel, an output limit and no way to load
//! anything. Messages are protected before rendering: where a message spells a special
//! token, a mark is put inside that spelling, so the tokenizer can tell it from the
//! template's own; the tokenizer takes the marks out again, and the model reads the
//! message exactly as written.

mod functions;

use std::io;

use minijinja::{Environment, Value, context, syntax::SyntaxConfig};

use crate::{
    error::EngineError,
    request::ChatMessage,
    tokenizer::{Text, Tokenizer},
};

/// Instructions one rendering may execute.
const FUEL: u64 = 500_000;
/// Bytes a rendering may add to its messages.
const MAX_ADDED_BYTES: usize = 256 << 10;
/// How often a message may be repeated in the output.
const MAX_REPEATS: usize = 4;
const NAME: &str = "chat";

#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
}

impl ChatTemplate {
    /// Compiles a template.
    ///
    /// # Errors
    /// The reason as text when it does not parse.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        // As transformers configures Jinja.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| describe(&error))?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        functions::register(&mut environment);
        environment
            .add_template_owned(NAME, functions::without_generation_tags(source))
            .map_err(|error| describe(&error))?;
        Ok(Self { environment })
    }

    /// Renders a conversation and tokenizes it, ready for the assistant's turn.
    pub(crate) fn encode(
        &self,
        messages: &[ChatMessage],
        tokenizer: &Tokenizer,
    ) -> Result<Vec<u32>, EngineError> {
        let mark = unused_character(messages);
        let protected: Vec<Value> = messages
            .iter()
            .map(|message| {
                let role = tokenizer.protect(&message.role, mark);
                let content = tokenizer.protect(&message.content, mark);
                context! { role, content }
            })
            .collect();
        let vocabulary = tokenizer.vocabulary();
        let spelling = |id: Option<u32>| id.map_or("", |id| vocabulary.spelling(id));
        let values = context! {
            messages => protected,
            add_generation_prompt => true,
            bos_token => spelling(vocabulary.bos()),
            eos_token => spelling(vocabulary.eos()),
            tools => (),
            documents => (),
        };
        let text = self.render(values, messages)?;
        Ok(tokenizer.encode(Text::Template(&text, Some(mark))))
    }

    fn render(&self, values: Value, messages: &[ChatMessage]) -> Result<String, EngineError> {
        let input: usize = messages
            .iter()
            .map(|m| m.role.len() + m.content.len())
            .sum();
        let mut output = Capped {
            bytes: Vec::new(),
            room: MAX_ADDED_BYTES + MAX_REPEATS * 2 * input,
        };
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render_captured_to(values, &mut output).map(drop))
            .map_err(|error| EngineError::Template(describe(&error)))?;
        String::from_utf8(output.bytes)
            .map_err(|_| EngineError::Template("the output is not text".to_owned()))
    }
}

/// The message a template raised, or what is wrong with it; never the source around it.
fn describe(error: &minijinja::Error) -> String {
    match (error.detail(), error.line()) {
        (Some(detail), _) if error.kind() == minijinja::ErrorKind::InvalidOperation => {
            detail.to_owned()
        }
        (detail, line) => format!(
            "{}{} (line {})",
            error.kind(),
            detail
                .map(|detail| format!(": {detail}"))
                .unwrap_or_default(),
            line.unwrap_or(0),
        ),
    }
}

/// A character that no message contains: the first free one of the noncharacters, which
/// text should not contain, and if need be of the private planes, which always has one.
fn unused_character(messages: &[ChatMessage]) -> char {
    let is_free = |mark: &char| {
        !messages
            .iter()
            .any(|message| message.content.contains(*mark) || message.role.contains(*mark))
    };
    ('\u{FDD0}'..='\u{FDEF}')
        .chain('\u{F0000}'..='\u{10FFFF}')
        .find(is_free)
        .unwrap_or('\u{FDD0}')
}

/// Output that refuses to grow beyond its room.
struct Capped {
    bytes: Vec<u8>,
    room: usize,
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.room {
            return Err(io::Error::other("the output is too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
