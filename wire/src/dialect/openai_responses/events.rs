//! A vendor's stream.
//!
//! Deltas are passed on as they come; an event that repeats the whole of something adds
//! only what no delta said, because some servers send few of them or none.

use std::borrow::Cow;

use super::failure::{fault_in, fault_of};
use super::item::{Item, Out, What};
use super::usage;
use crate::chat::{ChatEvent, EventSink, Finish};
use crate::dialect::sse_events::{SseDialect, SseReader};
use crate::dialect::stream::{fault, protocol_fault};
use crate::fault::Fault;
use crate::json::{Json, Object};
use crate::reader::stream_fault;
use crate::sse::Event;

/// A reader for a stream.
pub(crate) fn reader() -> SseReader<Items> {
    SseReader::new(Items::default())
}

/// Most items of an answer: each is looked up among the others.
const MAX_ITEMS: usize = 4096;

/// What must be remembered from event to event.
#[derive(Debug, Default)]
pub(crate) struct Items {
    known: Vec<Item>,
    /// Characters of text so far: where a citation's words lie.
    characters: u64,
    is_started: bool,
    is_ended: bool,
    is_failed: bool,
}

impl SseDialect for Items {
    fn event(&mut self, event: &Event<'_>, sink: &mut dyn EventSink) {
        let Some(data) = event.data.as_deref().filter(|_| !self.is_ended) else {
            return;
        };
        // One bad event does not end a good stream; what it lacks shows at the end.
        let value = Json::parse(data);
        let kind = value.as_ref().and_then(|it| it.str("type"));
        let is_error = match kind {
            Some(kind) => kind == "error",
            None => event.is_error() || value.as_ref().is_some_and(|it| it.get("error").is_some()),
        };
        if is_error {
            return self.fail(value.as_ref(), data, sink);
        }
        let name = event.name.and_then(|it| std::str::from_utf8(it).ok());
        if let (Some(value), Some(kind)) = (&value, kind.or(name)) {
            self.read(kind, value, sink);
        }
    }

    fn end(&mut self, sink: &mut dyn EventSink) {
        if !self.is_ended && !self.is_failed {
            self.is_failed = true;
            sink.take(fault(Fault::Incomplete));
        }
    }

    fn is_over(&self) -> bool {
        self.is_failed
    }
}

impl Items {
    fn fail(&mut self, value: Option<&Json<'_>>, data: &[u8], sink: &mut dyn EventSink) {
        self.is_failed = true;
        sink.take(ChatEvent::Fault(match value {
            Some(value) => fault_in(value),
            None => stream_fault(Some(data)),
        }));
    }

    fn read(&mut self, kind: &str, value: &Json<'_>, sink: &mut dyn EventSink) {
        let text = |name: &str| value.str(name).unwrap_or_default();
        match kind {
            "response.created" | "response.in_progress" => self.start(value.get("response"), sink),
            "response.output_item.added" => self.item(value, Item::begin, sink),
            "response.output_item.done" => self.item(value, Item::end, sink),
            "response.output_text.delta" => {
                self.say(value, What::Text, (text("delta"), false), sink);
            }
            "response.output_text.done" => self.say(value, What::Text, (text("text"), true), sink),
            "response.refusal.delta" => {
                self.say(value, What::Refusal, (text("delta"), false), sink);
            }
            "response.refusal.done" => {
                self.say(value, What::Refusal, (text("refusal"), true), sink);
            }
            "response.reasoning_summary_text.delta" => {
                self.say(value, What::Summary, (text("delta"), false), sink);
            }
            "response.reasoning_summary_text.done" => {
                self.say(value, What::Summary, (text("text"), true), sink);
            }
            "response.reasoning_text.delta" => {
                self.say(value, What::Thinking, (text("delta"), false), sink);
            }
            "response.reasoning_text.done" => {
                self.say(value, What::Thinking, (text("text"), true), sink);
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.say(value, What::Arguments, (text("delta"), false), sink);
            }
            "response.function_call_arguments.done" => {
                self.say(value, What::Arguments, (text("arguments"), true), sink);
            }
            "response.custom_tool_call_input.done" => {
                self.say(value, What::Arguments, (text("input"), true), sink);
            }
            "response.output_text.annotation.added" => {
                if let Some(it) = value.get("annotation") {
                    let part = number(value, "content_index");
                    self.with(value, sink, |item, out| item.annotation(part, it, out));
                }
            }
            "response.completed" => self.response(value, "completed", sink),
            "response.incomplete" => self.response(value, "incomplete", sink),
            "response.failed" => self.response(value, "failed", sink),
            "response.cancelled" => self.response(value, "cancelled", sink),
            // Tools that the vendor runs itself, and what is not known yet.
            _ => {}
        }
    }

    fn start(&mut self, response: Option<&Json<'_>>, sink: &mut dyn EventSink) {
        if !std::mem::replace(&mut self.is_started, true) {
            let id = response.and_then(|it| it.str("id")).map(Cow::Borrowed);
            sink.take(ChatEvent::Start { id });
        }
    }

    /// An item begins or is complete.
    fn item(
        &mut self,
        value: &Json<'_>,
        read: impl FnOnce(&mut Item, &Json<'_>, &mut Out<'_>),
        sink: &mut dyn EventSink,
    ) {
        let Some(it) = value.get("item").filter(|_| !self.is_failed) else {
            return;
        };
        let known = value.get("output_index").and_then(Json::as_u64);
        let index = known.unwrap_or(self.known.len() as u64);
        let at = self.known.iter().position(|it| it.index == index);
        if at.is_none() && self.known.len() == MAX_ITEMS {
            self.is_failed = true;
            return sink.take(fault(Fault::EventTooLarge));
        }
        let at = at.unwrap_or_else(|| {
            let item = Item::new(index, it);
            sink.take(ChatEvent::Item {
                id: Cow::Borrowed(&item.id),
                is_hosted: item.is_hosted(),
            });
            self.known.push(item);
            self.known.len() - 1
        });
        let characters = &mut self.characters;
        if let Some(item) = self.known.get_mut(at) {
            read(item, it, &mut Out { sink, characters });
        }
    }

    /// Reads into the item that an event names by its place, or else by its id.
    fn with(
        &mut self,
        value: &Json<'_>,
        sink: &mut dyn EventSink,
        read: impl FnOnce(&mut Item, &mut Out<'_>),
    ) {
        let index = value.get("output_index").and_then(Json::as_u64);
        let id = value.str("item_id").unwrap_or_default();
        let found = self.known.iter_mut().find(|it| match index {
            Some(index) => it.index == index,
            None => it.id == id,
        });
        let characters = &mut self.characters;
        if let Some(item) = found {
            read(item, &mut Out { sink, characters });
        }
    }

    fn say(
        &mut self,
        value: &Json<'_>,
        what: What,
        (text, is_whole): (&str, bool),
        sink: &mut dyn EventSink,
    ) {
        let part = match what {
            What::Summary => number(value, "summary_index"),
            What::Arguments => 0,
            _ => number(value, "content_index"),
        };
        self.with(value, sink, |item, out| {
            if is_whole {
                return item.say_rest(what, part, text, out);
            }
            item.say(what, part, text, out);
            if let Some(tokens) = value.get("logprobs") {
                item.logprobs(part, tokens, out);
            }
        });
    }

    /// The response as a whole, which an event or an answer holds.
    pub(super) fn response(&mut self, holder: &Json<'_>, status: &str, sink: &mut dyn EventSink) {
        let response = holder.get("response").unwrap_or(holder);
        self.start(Some(response), sink);
        let output = response.get("output").and_then(Json::as_array);
        // After a stream of items this would only repeat them.
        if self.known.is_empty() {
            for it in output.unwrap_or_default() {
                let holder = Object::new().with("item", it.clone()).into();
                self.item(&holder, Item::end, sink);
            }
        }
        if let Some(report) = response.get("usage") {
            sink.take(usage::read(report, response));
        }
        match status {
            "completed" | "incomplete" => {}
            "failed" => {
                self.is_failed = true;
                let error = response.get("error");
                return sink.take(ChatEvent::Fault(fault_of(error.unwrap_or(&Json::Null))));
            }
            "cancelled" => {
                self.is_failed = true;
                return sink.take(fault(Fault::Server));
            }
            // It goes on somewhere, and nobody waits for it here.
            _ => {
                self.is_failed = true;
                return sink.take(fault(Fault::Incomplete));
            }
        }
        let finish = self.why(response, status);
        sink.take(ChatEvent::Finish { choice: 0, finish });
        self.is_ended = true;
        sink.take(ChatEvent::End);
    }

    fn why(&self, response: &Json<'_>, status: &str) -> Finish {
        let details = response.get("incomplete_details");
        match details.and_then(|it| it.str("reason")) {
            Some("content_filter") => Finish::ContentFilter,
            Some(_) => Finish::Length,
            None if status == "incomplete" => Finish::Length,
            None if self.known.iter().any(Item::is_call) => Finish::ToolCalls,
            None => Finish::Stop,
        }
    }
}

fn number(value: &Json<'_>, name: &str) -> usize {
    let number = value.get(name).and_then(Json::as_u64).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Reads a vendor's whole answer.
pub(crate) fn read_answer(value: &Json<'_>, body: &[u8], sink: &mut dyn EventSink) {
    let error = value.get("error");
    let Some(output) = value.get("output").and_then(Json::as_array) else {
        return sink.take(match error {
            Some(_) => ChatEvent::Fault(stream_fault(Some(body))),
            None => protocol_fault(),
        });
    };
    let status = match value.str("status") {
        Some(status) => status,
        None if error.is_some() => "failed",
        None => "completed",
    };
    if output.is_empty() && status == "completed" {
        return sink.take(fault(Fault::Empty));
    }
    Items::default().response(value, status, sink);
}
