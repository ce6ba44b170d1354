//! A caller's stream.

use crate::chat::{ChatEvent, Finish, Thought, ToolKind};
use crate::dialect::{Echo, EventWriter};
use crate::json::{Json, Object, escape_into};
use crate::sse::DONE;
use crate::usage::Usage;

/// A writer for a stream.
pub(crate) fn writer(echo: &Echo<'_>) -> Chunks {
    let head = chunk_head("chatcmpl-", "chat.completion.chunk", echo);
    Chunks {
        head,
        asks_usage: echo.asks_usage,
        usage: None,
        choices: Vec::new(),
        customs: Vec::new(),
    }
}

/// The start of every chunk of a stream, up to the model.
pub(crate) fn chunk_head(prefix: &str, object: &str, echo: &Echo<'_>) -> Vec<u8> {
    let mut head = format!(
        r#"data: {{"id":"{prefix}{}","object":"{object}","created":{},"model":"#,
        echo.id, echo.created
    )
    .into_bytes();
    escape_into(echo.model, &mut head);
    head
}

/// Writes chunks.
pub(crate) struct Chunks {
    /// The start of every chunk, up to the model.
    head: Vec<u8>,
    asks_usage: bool,
    usage: Option<Usage>,
    /// By number: the words of the thought that is open, once the choice has begun. Whatever
    /// else is said ends a thought that its vendor does not.
    choices: Vec<Option<String>>,
    /// The calls whose input is text, by choice and number.
    customs: Vec<(u32, u32)>,
}

impl EventWriter for Chunks {
    fn write(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        match event {
            ChatEvent::Text { choice, text } => {
                self.end_thought(choice);
                self.word(choice, "content", &text, out);
            }
            ChatEvent::Refusal { choice, text } => {
                self.end_thought(choice);
                self.word(choice, "refusal", &text, out);
            }
            ChatEvent::Thinking { choice, text } => {
                self.word(choice, "reasoning_content", &text, out);
                if let Some(open) = self.thought_of(choice) {
                    open.push_str(&text);
                }
            }
            ChatEvent::Thought { choice, thought } => self.thought(choice, thought, out),
            ChatEvent::ToolCall { .. } => self.call(event, out),
            ChatEvent::Arguments { choice, call, text } => {
                self.arguments((choice, call), &text, out);
            }
            ChatEvent::Annotation { choice, annotation } => {
                self.open(choice, out);
                out.extend_from_slice(b"\"annotations\":[");
                annotation.write(out);
                out.push(b']');
                self.close(out);
            }
            ChatEvent::Logprobs { choice, tokens } => {
                self.open(choice, out);
                out.extend_from_slice(b"},\"logprobs\":{\"content\":");
                tokens.write(out);
                out.extend_from_slice(b",\"refusal\":null},\"finish_reason\":null}]");
                self.end(out);
            }
            ChatEvent::Finish { choice, finish } => self.finish(choice, &finish, out),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::End => {
                if let Some(usage) = self.usage.take().filter(|_| self.asks_usage) {
                    out.extend_from_slice(&self.head);
                    out.extend_from_slice(b",\"choices\":[],\"usage\":");
                    Json::from(usage_object(&usage)).write(out);
                    out.extend_from_slice(b"}\n\n");
                }
                out.extend_from_slice(DONE);
            }
            ChatEvent::Start { .. }
            | ChatEvent::Item { .. }
            | ChatEvent::ToolCallEnd { .. }
            | ChatEvent::BadUsage
            | ChatEvent::Took(_)
            | ChatEvent::Fault(_) => {}
        }
    }
}

impl Chunks {
    fn word(&mut self, choice: u32, field: &str, text: &str, out: &mut Vec<u8>) {
        self.open(choice, out);
        escape_into(field, out);
        out.push(b':');
        escape_into(text, out);
        self.close(out);
    }

    /// The words of the thought that is open.
    fn thought_of(&mut self, choice: u32) -> Option<&mut String> {
        self.choices.get_mut(choice as usize)?.as_mut()
    }

    fn end_thought(&mut self, choice: u32) {
        if let Some(open) = self.thought_of(choice) {
            open.clear();
        }
    }

    /// The words of a signed thought once more, with its signature: this is what a client sends back.
    fn thought(&mut self, choice: u32, mut thought: Thought<'_>, out: &mut Vec<u8>) {
        self.begin(choice, out);
        if let Some(open) = self.thought_of(choice) {
            let words = std::mem::take(open);
            if thought.text.is_empty() {
                thought.text = words.into();
            }
        }
        let is_plain = thought.signature.is_none() && thought.encrypted.is_none();
        if is_plain && thought.id.is_none() {
            return;
        }
        self.open(choice, out);
        out.extend_from_slice(b"\"reasoning_details\":[");
        super::write::detail(&thought).write(out);
        out.push(b']');
        self.close(out);
    }

    fn call(&mut self, event: ChatEvent<'_>, out: &mut Vec<u8>) {
        let ChatEvent::ToolCall {
            choice,
            call,
            id,
            name,
            kind,
            signature,
        } = event
        else {
            return;
        };
        self.end_thought(choice);
        self.open(choice, out);
        let it = Object::new()
            .with("index", call)
            .with_some("id", id)
            .with_some("extra_content", signature.map(extra_content));
        let it = match kind {
            ToolKind::Function => {
                let function = Object::new().with("name", name).with("arguments", "");
                it.with("type", "function").with("function", function)
            }
            ToolKind::Custom => {
                self.customs.push((choice, call));
                let custom = Object::new().with("name", name).with("input", "");
                it.with("type", "custom").with("custom", custom)
            }
        };
        out.extend_from_slice(b"\"tool_calls\":");
        Json::Array(vec![it.into()]).write(out);
        self.close(out);
    }

    fn arguments(&mut self, (choice, call): (u32, u32), text: &str, out: &mut Vec<u8>) {
        self.open(choice, out);
        out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
        out.extend_from_slice(call.to_string().as_bytes());
        let is_custom = self.customs.contains(&(choice, call));
        out.extend_from_slice(if is_custom {
            b",\"custom\":{\"input\":"
        } else {
            b",\"function\":{\"arguments\":"
        });
        escape_into(text, out);
        out.extend_from_slice(b"}}]");
        self.close(out);
    }

    fn finish(&mut self, choice: u32, finish: &Finish, out: &mut Vec<u8>) {
        if let Finish::Refusal(Some(why)) = finish {
            self.word(choice, "refusal", why, out);
        }
        self.open(choice, out);
        out.extend_from_slice(b"},\"finish_reason\":\"");
        out.extend_from_slice(finish.word().as_bytes());
        out.extend_from_slice(b"\"}]");
        self.end(out);
    }

    /// The first chunk of a choice says who speaks.
    fn begin(&mut self, choice: u32, out: &mut Vec<u8>) {
        let at = choice.min(crate::view::MAX_CHOICES) as usize;
        while self.choices.len() <= at {
            self.choices.push(None);
        }
        let Some(begun @ None) = self.choices.get_mut(at) else {
            return;
        };
        *begun = Some(String::new());
        self.delta(choice, out);
        out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\"");
        self.close(out);
    }

    /// Up to the brace of the delta.
    fn open(&mut self, choice: u32, out: &mut Vec<u8>) {
        self.begin(choice, out);
        self.delta(choice, out);
    }

    fn delta(&self, choice: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[{\"index\":");
        out.extend_from_slice(choice.to_string().as_bytes());
        out.extend_from_slice(b",\"delta\":{");
    }

    /// From the end of the delta on.
    fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"},\"finish_reason\":null}]");
        self.end(out);
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.asks_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }
}

/// Gemini's proof, where Google's own OpenAI-shaped endpoint puts it.
pub(super) fn extra_content<'a>(signature: impl Into<Json<'a>>) -> Json<'a> {
    let google = Object::new().with("thought_signature", signature.into());
    Object::new().with("google", google).into()
}

/// A count in `OpenAI`'s nesting.
pub(crate) fn usage_object(usage: &Usage) -> Object<'static> {
    let prompt = Object::new()
        .with("cached_tokens", usage.cache_read)
        .with("cache_write_tokens", usage.cache_write)
        .with("audio_tokens", usage.audio_input);
    let completion = Object::new()
        .with("reasoning_tokens", usage.reasoning)
        .with("audio_tokens", usage.audio_output);
    Object::new()
        .with("prompt_tokens", usage.input)
        .with("completion_tokens", usage.output)
        .with("total_tokens", usage.total())
        .with("prompt_tokens_details", prompt)
        .with("completion_tokens_details", completion)
}
