//! What one JSON object of an OpenAI-shaped answer says, without decoding it.
//!
//! The same walk serves a streamed chunk (`delta`), a whole answer (`message`) and the
//! legacy text shape. It looks at keys and the first byte of values; strings are only
//! measured. Upstream JSON is taken on trust here: a malformed object yields what was
//! readable before the fault, and `is_whole` says so.

use crate::operation::Operation;
use crate::usage::{Usage, UsageAnomaly, tier};
use crate::walk::Walker;

/// A count, or why it is none.
pub(crate) type Counted = Result<Usage, UsageAnomaly>;

/// What was found in one object.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent findings, not a state"
)]
pub(crate) struct Facts<'a> {
    /// The object's text ended where an object ends.
    pub(crate) is_whole: bool,
    /// `usage`, or `x_groq.usage` when that is all there is; never `null`.
    pub(crate) usage: Option<&'a [u8]>,
    /// `service_tier`, verbatim; never `null`.
    pub(crate) service_tier: Option<&'a [u8]>,
    /// A truthy top-level `error`, a choice's `error`, or `x_groq.error`, verbatim.
    pub(crate) error: Option<&'a [u8]>,
    /// A finish reason that means failure: `error`, `abort`, `insufficient_system_resource`.
    pub(crate) failed_finish: Option<FailedFinish>,
    /// Number of entries in `choices` (`data` or `results` of what is no text); `None` if it is no array.
    pub(crate) choices: Option<u32>,
    /// Whether any choice carries something for the caller.
    pub(crate) has_content: bool,
    /// Choices seen, one bit per `index`.
    pub(crate) seen: u128,
    /// Choices that have a finish reason.
    pub(crate) finished: u128,
    /// Whether some finish reason explains an answer without content.
    pub(crate) explains_empty: bool,
    /// Whether some choice has a text that is there and empty.
    pub(crate) has_empty_text: bool,
    /// Bytes of text in all choices, unescaped.
    pub(crate) output_bytes: u64,
    /// As many of them are thoughts, or may be.
    pub(crate) thought_bytes: u64,
}

/// A finish reason that stands for a failure of the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailedFinish {
    /// The generation broke off.
    Error,
    /// The vendor ran out of capacity in the middle.
    Overloaded,
}

impl<'a> Facts<'a> {
    /// Walks the object in `json`.
    #[inline]
    pub(crate) fn read(operation: Operation, json: &'a [u8]) -> Facts<'a> {
        let json = json.trim_ascii();
        let mut facts = Facts {
            is_whole: json.len() >= 2 && json.ends_with(b"}"),
            ..Facts::default()
        };
        let mut groq = None;
        let mut walker = Walker::new(json);
        let ended = walker.each_member(|key, value| {
            match key {
                b"choices" if operation.streams() => facts.read_choices(operation, value)?,
                b"data" | b"results" if !operation.streams() => facts.read_data(value.raw()?),
                b"usage" => facts.usage = not_null(value.raw()?).or(facts.usage),
                b"service_tier" => facts.service_tier = not_null(value.raw()?),
                b"error" => facts.note_error(value.raw()?),
                // An error without the wrapper, as older vLLM and Mistral send it.
                b"object" if value.raw()? == b"\"error\"" => facts.error = Some(json),
                b"x_groq" => groq = value.raw(),
                _ => {}
            }
            Some(())
        });
        facts.is_whole &= ended.is_some() && walker.is_at_end();
        if let Some(groq) = groq {
            facts.read_groq(groq);
        }
        facts
    }

    /// What was used, with the tier that the object says it was served in.
    pub(crate) fn count(&self, read: impl Fn(&[u8]) -> Counted) -> Option<Counted> {
        let usage = read(self.usage?);
        Some(usage.map(|usage| {
            Usage {
                service_tier: self
                    .service_tier
                    .and_then(quoted_tier)
                    .or(usage.service_tier),
                ..usage
            }
        }))
    }

    fn note_error(&mut self, raw: &'a [u8]) {
        if is_truthy(raw) {
            self.error = Some(raw);
        }
    }

    #[inline]
    fn read_choices(&mut self, operation: Operation, choices: &mut Walker<'a>) -> Option<()> {
        let mut count = 0;
        choices.each_element(|choice| {
            count += 1;
            self.read_choice(operation, choice)
        })?;
        self.choices = Some(count);
        Some(())
    }

    fn read_data(&mut self, raw: &'a [u8]) {
        if let Some(items) = Walker::new(raw).array() {
            let count = items.take(1).count();
            self.choices = u32::try_from(count).ok();
            self.has_content = count > 0;
        }
    }

    #[inline]
    fn read_choice(&mut self, operation: Operation, choice: &mut Walker<'a>) -> Option<()> {
        let mut bit = 1;
        let mut is_finished = false;
        // Some servers repeat the text so far as `message` beside `delta`, or the delta as
        // `text` in a chat; only the shape that belongs to the operation counts.
        let (mut has_delta, mut message) = (false, None);
        let walked = choice.each_member(|key, value| {
            match key {
                b"index" => bit = index_bit(value.raw()?),
                b"delta" => {
                    has_delta = true;
                    self.read_delta(value)?;
                }
                b"message" => message = value.raw(),
                b"text" if operation == Operation::Completions => self.add_text(value.raw()?),
                b"finish_reason" => {
                    let reason = value.raw()?;
                    is_finished = reason.len() > 2 && reason != b"null";
                    if is_finished {
                        self.read_finish(reason);
                    }
                }
                b"error" => self.note_error(value.raw()?),
                _ => {}
            }
            Some(())
        });
        if let Some(message) = message.filter(|_| !has_delta) {
            self.read_delta(&mut Walker::new(message));
        }
        self.seen |= bit;
        if is_finished {
            self.finished |= bit;
        }
        walked
    }

    fn read_finish(&mut self, value: &[u8]) {
        match value {
            b"\"error\"" | b"\"abort\"" => self.failed_finish = Some(FailedFinish::Error),
            b"\"insufficient_system_resource\"" => {
                self.failed_finish = Some(FailedFinish::Overloaded);
            }
            b"\"length\"" | b"\"content_filter\"" => self.explains_empty = true,
            _ => {}
        }
    }

    #[inline]
    fn read_delta(&mut self, delta: &mut Walker<'a>) -> Option<()> {
        // Servers that name their reasoning twice (`reasoning` and `reasoning_content`)
        // repeat the same text; it is counted once.
        let mut has_reasoning = false;
        delta.each_member(|key, value| {
            match key {
                b"content" | b"refusal" | b"text" => self.add_text(value.raw()?),
                b"reasoning" | b"reasoning_content" if !has_reasoning => {
                    let text = value.raw()?;
                    has_reasoning = !is_empty(text);
                    let words = self.output_bytes - self.thought_bytes;
                    self.add_text(text);
                    self.thought_bytes = self.output_bytes - words;
                }
                b"tool_calls" => self.add_tool_calls(value.raw()?),
                b"function_call" | b"audio" | b"images" | b"reasoning_details" => {
                    self.has_content |= !is_empty(value.raw()?);
                }
                _ => {}
            }
            Some(())
        })
    }

    fn add_text(&mut self, value: &[u8]) {
        match value.first() {
            Some(b'"') => {
                let length = text_bytes(value);
                self.output_bytes += length;
                self.has_content |= length > 0;
                self.has_empty_text |= length == 0;
            }
            Some(b'[') if !is_empty(value) => {
                // Mistral sends content as a list of typed parts, thoughts among them.
                self.output_bytes += value.len() as u64;
                self.thought_bytes += value.len() as u64;
                self.has_content = true;
            }
            _ => {}
        }
    }

    fn add_tool_calls(&mut self, raw: &[u8]) {
        self.has_content |= !is_empty(raw);
        for (call, _) in Walker::new(raw).array().into_iter().flatten() {
            let function = Walker::new(call)
                .object()
                .and_then(|mut it| it.find(|field| field.key == b"function"));
            let Some(members) = function.and_then(|it| Walker::new(it.value).object()) else {
                continue;
            };
            for field in members {
                match field.value.first() {
                    Some(b'"') => self.output_bytes += text_bytes(field.value),
                    Some(b'{') => self.output_bytes += field.value.len() as u64,
                    _ => {}
                }
            }
        }
    }

    fn read_groq(&mut self, raw: &'a [u8]) {
        for field in Walker::new(raw).object().into_iter().flatten() {
            match field.key {
                b"usage" => self.usage = self.usage.or(not_null(field.value)),
                b"error" if is_truthy(field.value) => self.error = Some(field.value),
                _ => {}
            }
        }
    }

    /// Whether the object is nothing but the usage report at the end of a stream.
    pub(crate) fn is_usage_only(&self) -> bool {
        self.usage.is_some() && self.choices.unwrap_or(0) == 0 && self.error.is_none()
    }
}

fn quoted_tier(raw: &[u8]) -> Option<Box<str>> {
    tier(std::str::from_utf8(raw).ok()?.trim_matches('"'))
}

/// Whether a value is `null`, `""`, `[]` or `{}`.
fn is_empty(value: &[u8]) -> bool {
    match value {
        b"null" => true,
        [b'"' | b'[' | b'{', inner @ .., _] => inner.trim_ascii().is_empty(),
        _ => value.is_empty(),
    }
}

fn not_null(value: &[u8]) -> Option<&[u8]> {
    (value != b"null").then_some(value)
}

fn is_truthy(value: &[u8]) -> bool {
    !is_empty(value) && !matches!(value, b"false" | b"0")
}

fn index_bit(value: &[u8]) -> u128 {
    let index = std::str::from_utf8(value)
        .ok()
        .and_then(|it| it.parse::<u32>().ok())
        .unwrap_or(0);
    1_u128.checked_shl(index).unwrap_or(1 << 127)
}

/// Length in UTF-8 of the text that a JSON string stands for.
fn text_bytes(value: &[u8]) -> u64 {
    let Some(body) = value
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""))
    else {
        return 0;
    };
    if memchr::memchr(b'\\', body).is_none() {
        return body.len() as u64;
    }
    let mut length = 0;
    let mut at = 0;
    while let Some(byte) = body.get(at) {
        let (step, bytes) = match (byte, body.get(at + 1)) {
            (b'\\', Some(b'u')) => (6, unit_bytes(body.get(at + 2..at + 6).unwrap_or_default())),
            (b'\\', _) => (2, 1),
            _ => (1, 1),
        };
        at += step;
        length += bytes;
    }
    length
}

/// Bytes in UTF-8 of one `\uXXXX`; a surrogate is half of a four-byte character.
fn unit_bytes(digits: &[u8]) -> u64 {
    let unit = std::str::from_utf8(digits)
        .ok()
        .and_then(|it| u32::from_str_radix(it, 16).ok())
        .unwrap_or(0);
    match unit {
        0..0x80 => 1,
        0x80..0x800 | 0xD800..0xE000 => 2,
        _ => 3,
    }
}
