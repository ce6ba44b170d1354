//! A vendor's stream, and the habits of the family that differ from `OpenAI`'s.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::chat::settle::JsonEnd;
use crate::chat::{ChatEvent, EventSink, Finish, Provenance, Thought, ToolKind};
use crate::dialect::sse_events::{SseDialect, SseReader};
use crate::dialect::stream::fault;
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::reader::stream_fault;
use crate::sse::Event;
use crate::usage::{Usage, tier};

/// A reader for a stream.
pub(crate) fn reader() -> SseReader<Chunks> {
    SseReader::new(Chunks::default())
}

/// A reader for a stream of the older API, whose choices are nothing but text.
pub(crate) fn text_reader() -> SseReader<Chunks> {
    SseReader::new(Chunks {
        is_text: true,
        ..Chunks::default()
    })
}

/// What must be remembered from chunk to chunk.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, not a state"
)]
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    is_started: bool,
    is_ended: bool,
    is_failed: bool,
    /// This is a whole answer: nothing follows.
    is_whole: bool,
    /// Its choices are those of the older API.
    is_text: bool,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    calls: Vec<Call>,
    is_finished: bool,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    json: JsonEnd,
}

/// Where a fragment of a call stands.
#[derive(Clone, Copy)]
struct Place {
    /// Its place among the calls beside it, where there are some.
    at: Option<u64>,
    /// The call is complete.
    is_whole: bool,
}

impl SseDialect for Chunks {
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn EventSink) {
        if event.is_done() {
            return self.say_end(sink);
        }
        let Some(data) = event.data.as_deref() else {
            return;
        };
        if event.is_error() {
            self.is_failed = true;
            return sink.take(ChatEvent::Fault(stream_fault(Some(data))));
        }
        // One bad event does not end a good stream; what it lacks shows at the end.
        if let Some(value) = Json::parse(data) {
            self.chunk(&value, data, sink);
        }
    }

    fn end(&mut self, sink: &mut dyn EventSink) {
        if self.choices.is_empty() || !self.choices.values().all(|it| it.is_finished) {
            if !self.is_ended {
                self.is_failed = true;
                sink.take(fault(Fault::Incomplete));
            }
            return;
        }
        self.say_end(sink);
    }

    fn is_over(&self) -> bool {
        self.is_failed
    }
}

impl Chunks {
    /// For a whole answer, of the older API if it is a text.
    pub(super) fn whole(is_text: bool) -> Self {
        Self {
            is_whole: true,
            is_text,
            ..Self::default()
        }
    }

    /// Ends what has no reason to end: older answers and some gateways' give none, and a body
    /// that is whole needs none. Returns whether there is any choice.
    pub(super) fn finish_rest(&mut self, sink: &mut dyn EventSink) -> bool {
        for (choice, state) in &mut self.choices {
            if !std::mem::replace(&mut state.is_finished, true) {
                sink.take(ChatEvent::Finish {
                    choice: *choice,
                    finish: Finish::Stop,
                });
            }
        }
        !self.choices.is_empty()
    }

    fn say_end(&mut self, sink: &mut dyn EventSink) {
        if !std::mem::replace(&mut self.is_ended, true) {
            sink.take(ChatEvent::End);
        }
    }

    /// Reads a chunk, or a whole answer, which differs in one word.
    pub(super) fn chunk(&mut self, value: &Json<'_>, data: &[u8], sink: &mut dyn EventSink) {
        let groq = value.get("x_groq");
        self.choices(value, groq, data, sink);
        // After the words that it counts.
        let usage = value.get("usage");
        if let Some(usage) = usage.or_else(|| groq?.get("usage")) {
            sink.take(match Usage::from_openai(&usage.to_bytes()) {
                Ok(usage) => ChatEvent::Usage(Usage {
                    service_tier: value
                        .str("service_tier")
                        .and_then(tier)
                        .or(usage.service_tier),
                    ..usage
                }),
                Err(_) => ChatEvent::BadUsage,
            });
        }
    }

    fn choices(
        &mut self,
        value: &Json<'_>,
        groq: Option<&Json<'_>>,
        data: &[u8],
        sink: &mut dyn EventSink,
    ) {
        let is_error = |it: &Json<'_>| it.get("error").is_some_and(is_truthy);
        let choices = value
            .get("choices")
            .and_then(Json::as_array)
            .unwrap_or_default();
        if is_error(value)
            || groq.is_some_and(is_error)
            || value.str("object") == Some("error")
            || choices.iter().any(is_error)
        {
            self.is_failed = true;
            return sink.take(ChatEvent::Fault(stream_fault(Some(data))));
        }
        if !choices.is_empty() && !std::mem::replace(&mut self.is_started, true) {
            let id = value.str("id").filter(|it| !it.is_empty());
            sink.take(ChatEvent::Start {
                id: id.map(Cow::Borrowed),
            });
        }
        for (at, choice) in choices.iter().enumerate() {
            let index = choice.get("index").and_then(Json::as_u64);
            let index = index.and_then(|it| u32::try_from(it).ok());
            self.choice(
                choice,
                index.unwrap_or(u32::try_from(at).unwrap_or(0)),
                sink,
            );
        }
    }

    fn choice(&mut self, value: &Json<'_>, choice: u32, sink: &mut dyn EventSink) {
        if let Some(text) = value
            .str("text")
            .filter(|it| self.is_text && !it.is_empty())
        {
            let text = Cow::Borrowed(text);
            sink.take(ChatEvent::Text { choice, text });
        }
        // Perplexity sends both: in a stream the message is all so far, in a whole answer the delta is empty.
        let delta = if self.is_whole {
            value.get("message").or_else(|| value.get("delta"))
        } else {
            value.get("delta").or_else(|| value.get("message"))
        };
        if let Some(delta) = delta {
            read_words(delta, choice, sink);
            let calls = match delta.get("tool_calls") {
                Some(Json::Array(calls)) => calls.as_slice(),
                // TGI up to 2.x streams one call and no list: `DeltaToolCall` of its router.
                Some(call @ Json::Object(_)) => std::slice::from_ref(call),
                _ => &[],
            };
            let is_whole = value.get("message").is_some();
            for (at, call) in calls.iter().enumerate() {
                // One alone may be the next piece of any call.
                let at = (is_whole || calls.len() > 1).then_some(at as u64);
                self.call(call, choice, Place { at, is_whole }, sink);
            }
            self.only_call(delta, choice, is_whole, sink);
            for annotation in delta
                .get("annotations")
                .and_then(Json::as_array)
                .unwrap_or_default()
            {
                let annotation = annotation.clone();
                sink.take(ChatEvent::Annotation { choice, annotation });
            }
        }
        let logprobs = value.get("logprobs").and_then(|it| it.get("content"));
        if let Some(tokens @ Json::Array(_)) = logprobs {
            let tokens = tokens.clone();
            sink.take(ChatEvent::Logprobs { choice, tokens });
        }
        let reason = value.str("finish_reason").filter(|it| !it.is_empty());
        let state = self.state(choice);
        let Some(reason) = reason.filter(|_| !state.is_finished) else {
            return;
        };
        match finish(reason, value.str("stop_reason")) {
            Ok(finish) => {
                state.is_finished = true;
                sink.take(ChatEvent::Finish { choice, finish });
            }
            Err(class) => {
                self.is_failed = true;
                sink.take(fault(class));
            }
        }
    }

    /// What the only call was before there were several; old servers still answer so, and some
    /// fill the place with empty texts where there is none.
    fn only_call(
        &mut self,
        delta: &Json<'_>,
        choice: u32,
        is_whole: bool,
        sink: &mut dyn EventSink,
    ) {
        let Some(function) = delta.get("function_call") else {
            return;
        };
        let is_named = function.str("name").is_some_and(|it| !it.is_empty());
        if is_named || !self.state(choice).calls.is_empty() {
            let call = Json::from(Object::new().with("function", function.clone()));
            let at = Some(0);
            self.call(&call, choice, Place { at, is_whole }, sink);
        }
    }

    fn state(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_default()
    }

    /// A fragment of a tool call.
    fn call(&mut self, value: &Json<'_>, choice: u32, place: Place, sink: &mut dyn EventSink) {
        // Some servers send both, one of them empty; the type says which one is meant.
        let is_custom = value.str("type") == Some("custom");
        let function = value.get("function").filter(|_| !is_custom);
        let custom = value.get("custom").filter(|_| function.is_none());
        let Some(function) = function.or(custom) else {
            return;
        };
        let id = value.str("id").unwrap_or_default();
        let name = function.str("name").unwrap_or_default();
        let index = value.get("index").and_then(number).or(place.at);
        let state = self.state(choice);
        let known = state.find((id, name), index, place.is_whole);
        let calls = &mut state.calls;
        let at = known.unwrap_or_else(|| {
            calls.push(Call {
                index,
                id: id.to_owned(),
                name: name.to_owned(),
                json: JsonEnd::default(),
            });
            calls.len() - 1
        });
        let call = u32::try_from(at).unwrap_or(u32::MAX);
        if known.is_none() {
            let extra = value.get("extra_content").and_then(|it| it.get("google"));
            let signature = extra.and_then(|it| it.str("thought_signature"));
            sink.take(ChatEvent::ToolCall {
                choice,
                call,
                id: (!id.is_empty()).then_some(Cow::Borrowed(id)),
                name: Cow::Borrowed(name),
                kind: if custom.is_some() {
                    ToolKind::Custom
                } else {
                    ToolKind::Function
                },
                signature: signature.map(Cow::Borrowed),
            });
        }
        let text = match function.get("arguments").or_else(|| function.get("input")) {
            Some(Json::String(text)) if !text.is_empty() => Cow::Borrowed(&**text),
            Some(object @ Json::Object(_)) => Cow::Owned(object.to_string()),
            _ => return,
        };
        if let Some(call) = self.state(choice).calls.get_mut(at) {
            call.json.read(&text);
        }
        sink.take(ChatEvent::Arguments { choice, call, text });
    }
}

impl Choice {
    /// Which call a fragment belongs to: its id says, else a new name, else its index, else it is
    /// the last one. Indices alone cannot be trusted.
    fn find(&self, (id, name): (&str, &str), index: Option<u64>, is_whole: bool) -> Option<usize> {
        let calls = &self.calls;
        let of_index = calls
            .iter()
            .rposition(|it| index.is_none() || it.index == index);
        let of_index_if =
            |fits: &dyn Fn(&Call) -> bool| of_index.filter(|at| calls.get(*at).is_some_and(fits));
        match (id, name) {
            ("", "") => of_index.or_else(|| calls.len().checked_sub(1)),
            // Complete arguments end a call: the same name then begins another one.
            ("", name) => of_index_if(&|it| it.name == name && !it.json.is_complete()),
            (id, name) => {
                let of_id = calls.iter().rposition(|it| it.is(id, name, index));
                // A call that began without an id gets it now.
                of_id.or_else(|| of_index_if(&|it| it.id.is_empty() && !is_whole))
            }
        }
    }
}

impl Call {
    /// Whether a fragment with this id belongs to the call: some vendors give one id to two calls.
    fn is(&self, id: &str, name: &str, index: Option<u64>) -> bool {
        let is_same_name = name.is_empty() || self.name.is_empty() || self.name == name;
        let is_same_index = index.is_none() || self.index.is_none() || self.index == index;
        self.id == id && is_same_name && is_same_index
    }
}

/// An index, which some servers write as a string.
fn number(index: &Json<'_>) -> Option<u64> {
    index.as_u64().or_else(|| index.as_str()?.parse().ok())
}

fn read_words(delta: &Json<'_>, choice: u32, sink: &mut dyn EventSink) {
    let text = |name: &str| delta.str(name).filter(|it| !it.is_empty());
    let details = delta.get("reasoning_details").and_then(Json::as_array);
    let details = details.unwrap_or_default();
    // The words stand in both places; in the details each beside its own proof.
    let has_words = details.iter().any(|it| words_of(it).is_some());
    let beside = text("reasoning_content").or_else(|| text("reasoning"));
    if let Some(text) = beside.filter(|_| !has_words) {
        let text = Cow::Borrowed(text);
        sink.take(ChatEvent::Thinking { choice, text });
    }
    for detail in details {
        read_detail(detail, choice, sink);
    }
    match delta.get("content") {
        Some(Json::String(text)) if !text.is_empty() => {
            let text = Cow::Borrowed(&**text);
            sink.take(ChatEvent::Text { choice, text });
        }
        Some(Json::Array(parts)) => {
            for part in parts {
                read_part(part, choice, sink);
            }
        }
        _ => {}
    }
    // What is heard in a spoken answer: no other dialect has a place for the sound.
    let audio = delta.get("audio").and_then(|it| it.str("transcript"));
    if let Some(text) = audio.filter(|it| !it.is_empty()) {
        let text = Cow::Borrowed(text);
        sink.take(ChatEvent::Text { choice, text });
    }
    if let Some(text) = text("refusal") {
        let text = Cow::Borrowed(text);
        sink.take(ChatEvent::Refusal { choice, text });
    }
}

/// A part of Mistral's content.
fn read_part(part: &Json<'_>, choice: u32, sink: &mut dyn EventSink) {
    if let Some(text) = part.str("text") {
        let text = Cow::Borrowed(text);
        return sink.take(ChatEvent::Text { choice, text });
    }
    let thinking = part.get("thinking").and_then(Json::as_array);
    for text in thinking
        .unwrap_or_default()
        .iter()
        .filter_map(|it| it.str("text"))
    {
        let text = Cow::Borrowed(text);
        sink.take(ChatEvent::Thinking { choice, text });
    }
}

/// The words of a piece of `OpenRouter`'s container.
fn words_of<'j>(detail: &'j Json<'_>) -> Option<&'j str> {
    let words = detail.str("text").or_else(|| detail.str("summary"));
    words.filter(|it| !it.is_empty())
}

/// A piece of `OpenRouter`'s container.
fn read_detail(detail: &Json<'_>, choice: u32, sink: &mut dyn EventSink) {
    if let Some(text) = words_of(detail) {
        let text = Cow::Borrowed(text);
        sink.take(ChatEvent::Thinking { choice, text });
    }
    let signature = detail.str("signature").filter(|it| !it.is_empty());
    let encrypted = detail.str("data");
    if signature.is_none() && encrypted.is_none() {
        return;
    }
    sink.take(ChatEvent::Thought {
        choice,
        thought: Thought {
            text: Cow::Borrowed(""),
            signature: signature.map(Cow::Borrowed),
            encrypted: encrypted.map(Cow::Borrowed),
            id: detail.str("id").map(Cow::Borrowed),
            provenance: Provenance::of_format(detail.str("format").unwrap_or_default()),
        },
    });
}

/// Why a choice ended. `stop` beside a text is vLLM's word for the caller's stop text.
fn finish(reason: &str, stop: Option<&str>) -> Result<Finish, Fault> {
    Ok(match reason {
        "length" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::ContentFilter,
        "stop_sequence" => Finish::StopText(None),
        "error" | "abort" => return Err(Fault::Server),
        "insufficient_system_resource" => return Err(Fault::Overloaded),
        _ => match stop {
            Some(text) => Finish::StopText(Some(text.into())),
            None => Finish::Stop,
        },
    })
}

fn is_truthy(value: &Json<'_>) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(object) => !object.is_empty(),
        Json::Bool(true) | Json::Number(_) | Json::Joined(_) => true,
    }
}
