//! How much there is to read in a request: the most that it can be in tokens.
//!
//! One walk over the values of the whole request, in whatever dialect it is. What names or addresses
//! something that is not in it leaves its bound open; pictures count as such; all else by its bytes. Only
//! places that mean something to a vendor are looked at: an address in a message or in a schema is words.
//! Which tools the vendor is asked for at the top of a request is `services`' business.

mod medium;
mod place;
#[cfg(test)]
mod tests;

use self::medium::{Holder, Medium, text};
use self::place::Place;
use crate::document::Document;
use crate::operation::Operation;
use crate::walk::Walker;

/// The most that there is to read in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputBound {
    /// Tokens. A token of text has at least one byte.
    pub tokens: u64,
    /// There is more to read than is here, or it has more tokens than bytes: pictures or files somewhere else,
    /// recordings, films and documents, an earlier answer, a stored prompt.
    pub is_open: bool,
    /// There is something beside words in it, or asked for, which may have a price of its own.
    pub has_media: bool,
    /// What else it asks for.
    pub wants: Wants,
}

/// What a request asks for that may make it dearer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// More tools, in the midst of it.
    pub tools: bool,
    /// A tier of service that may be dearer than the usual one.
    pub haste: bool,
    /// To be served in some place.
    pub place: bool,
}

/// Fields at the top of a request by which it refers to what is not in it, of all dialects.
const REFERENCES: [&str; 6] = [
    "previous_response_id",
    "conversation",
    "conversation_id",
    "prompt_id",
    "cachedContent",
    "cached_content",
];
/// Items of a conversation of which the vendor has more than is sent.
const KEPT: [&[u8]; 8] = [
    b"item_reference",
    b"web_search_call",
    b"file_search_call",
    b"code_interpreter_call",
    b"image_generation_call",
    b"mcp_call",
    b"mcp_list_tools",
    b"container_upload",
];
/// Words for tiers of service that cost no more than the usual one; `auto` may become any.
const USUAL_TIERS: [&[u8]; 7] = [
    b"default",
    b"standard",
    b"standard_only",
    b"on_demand",
    b"flex",
    b"batch",
    b"economy",
];
/// Words for wherever there is room.
const ANYWHERE: [&[u8]; 2] = [b"global", b"not_available"];
/// Tokens of a picture in the finest resolution of the vendor that counts most for one: 2,833 and
/// 5,667 for each of eight tiles (`gpt-4o-mini`, `OpenAI`'s guide to images and vision, read 2026-11).
const PICTURE_TOKENS: u64 = 48_169;
/// Tokens that a vendor adds to a request, its messages and its tools: a few for each, which have more bytes than
/// that in JSON, and the frame of the whole, with the instructions that go with tools.
const FRAME_TOKENS: u64 = 512;

impl InputBound {
    /// Of a request of any dialect.
    pub fn of(operation: Operation, document: &Document) -> Self {
        let body: &[u8] = document.bytes();
        let mut found = Walk { operation }.request(body);
        found.is_open |=
            document.object("prompt").is_some() || REFERENCES.iter().any(|it| document.has(it));
        let words = (body.len() as u64).saturating_sub(found.picture_bytes);
        Self {
            tokens: words
                .saturating_add(found.pictures.saturating_mul(PICTURE_TOKENS))
                .saturating_add(FRAME_TOKENS),
            is_open: found.is_open,
            // What is not here may be anything.
            has_media: found.has_media || found.is_open,
            wants: found.wants,
        }
    }
}

/// What was found in a part of a request.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    pictures: u64,
    /// Bytes that are pictures, and no words.
    picture_bytes: u64,
    is_open: bool,
    has_media: bool,
    wants: Wants,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.pictures += other.pictures;
        self.picture_bytes += other.picture_bytes;
        self.is_open |= other.is_open;
        self.has_media |= other.has_media;
        self.wants.tools |= other.wants.tools;
        self.wants.haste |= other.wants.haste;
        self.wants.place |= other.wants.place;
    }

    fn see(&mut self, medium: Medium, bytes: usize) {
        match medium {
            Medium::Picture => {
                self.pictures += 1;
                self.picture_bytes += bytes as u64;
                self.has_media = true;
            }
            Medium::Open => self.is_open = true,
            Medium::Text | Medium::Nothing => {}
        }
    }
}

/// What an object says of itself, wherever in it.
#[derive(Default)]
struct Said<'a> {
    kind: Option<&'a [u8]>,
    has_id: bool,
    has_role: bool,
    has_cipher: bool,
    media_type: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    /// What is in its `input`.
    input: Found,
}

/// What is around a value: content, or a medium.
type Around = Option<Holder>;

/// A walk over a request of an operation. `None` anywhere means that the value is not of that form.
#[derive(Clone, Copy)]
struct Walk {
    operation: Operation,
}

impl Walk {
    /// The top of a request, where `audio` says how an answer is to sound, and tools are the caller's.
    fn request(self, body: &[u8]) -> Found {
        let mut found = Found::default();
        // A document is valid, so the walk goes through to its end.
        let _ = Walker::new(body).each_member(|key, value| {
            match Place::of(key) {
                Place::Tools | Place::Words | Place::Kind | Place::Id | Place::Role => return None,
                Place::Medium if !matches!(value.first()?, b'"' | b'[') => found.has_media = true,
                place => self.member(place, value, None, &mut found)?,
            }
            Some(())
        });
        found
    }

    /// A value that is no member of an object.
    fn element(self, value: &mut Walker<'_>, around: Around, found: &mut Found) -> Option<()> {
        match value.first()? {
            b'{' => self.object(value, around, found),
            b'[' => value.each_element(|it| self.element(it, around, found)),
            b'"' => {
                let holder = around?;
                let raw = value.raw()?;
                found.see(Medium::of_address(raw, holder), raw.len());
                Some(())
            }
            _ => None,
        }
    }

    fn object(self, value: &mut Walker<'_>, around: Around, found: &mut Found) -> Option<()> {
        let mut said = Said::default();
        value.each_member(|key, value| {
            let place = Place::of(key);
            if place == Place::Role {
                said.has_role = true;
                return None;
            }
            let first = value.first()?;
            // Most of a conversation is words.
            if place == Place::Other && first == b'"' {
                return None;
            }
            match place {
                Place::Kind if first == b'"' => said.kind = Some(value.raw()?),
                Place::Id if first == b'"' => said.has_id = true,
                Place::Cipher if first == b'"' => said.has_cipher = true,
                Place::MediaType if first == b'"' => said.media_type = Some(value.raw()?),
                Place::Data if first == b'"' => said.data = Some(value.raw()?),
                Place::Address if first == b'"' => said.address = Some(value.raw()?),
                Place::Input => self.element(value, None, &mut said.input)?,
                Place::Tools => {
                    found.wants.tools |= first == b'[';
                    return None;
                }
                place => return self.member(place, value, around, found),
            }
            // What was not read is skipped.
            Some(())
        })?;
        if said.kind.is_some() || said.has_id || said.data.is_some() || said.address.is_some() {
            self.judge(&said, around, found);
        } else {
            found.add(said.input);
        }
        Some(())
    }

    /// A member whose meaning depends on no other one.
    fn member(
        self,
        place: Place,
        value: &mut Walker<'_>,
        around: Around,
        found: &mut Found,
    ) -> Option<()> {
        let first = value.first()?;
        match place {
            Place::Words => None,
            Place::Reference if first != b'n' => {
                found.is_open = true;
                None
            }
            Place::Picture => self.element(value, Some(Holder::Picture), found),
            Place::Source if first != b'{' => None,
            Place::Medium | Place::Source => self.element(value, Some(Holder::Any), found),
            Place::Modalities => {
                found.has_media = true;
                None
            }
            Place::Tier => {
                found.wants.haste |= !is_any(value.raw()?, &USUAL_TIERS);
                Some(())
            }
            Place::Region => {
                found.wants.place |= !is_any(value.raw()?, &ANYWHERE);
                Some(())
            }
            // Words, and what is in arrays and objects of any name. An object within a medium is of it.
            _ if first == b'"' => None,
            _ => self.element(value, around, found),
        }
    }

    /// What an object is, once all of it was seen.
    fn judge(self, said: &Said<'_>, around: Around, found: &mut Found) {
        let is_held = around.is_some();
        let kind = said.kind.map(text);
        let is_medium = kind.as_deref().is_some_and(is_media) || said.media_type.is_some();
        let is_embedded = self.operation == Operation::Embeddings;
        let around = match around {
            None if is_medium => Some(Holder::Any),
            None if is_embedded => Some(Holder::Picture),
            known => known,
        };
        if let (Some(raw), Some(holder)) = (said.data, around) {
            found.see(Medium::of_data(raw, said.media_type, holder), raw.len());
        }
        if let (Some(raw), Some(holder)) = (said.address, around) {
            found.see(Medium::of_address(raw, holder), raw.len());
        }
        // The answer that is heard again is the vendor's.
        found.is_open |= is_held && said.has_id;
        match kind.as_deref() {
            // What a tool was called with is words.
            Some(b"tool_use" | b"server_tool_use" | b"mcp_tool_use" | b"custom_tool_call") => {
                return;
            }
            Some(kind) if KEPT.contains(&kind) => found.is_open = true,
            Some(b"reasoning") => found.is_open |= !said.has_cipher && said.has_id,
            Some(_) => {}
            None => {
                let is_item = self.operation == Operation::Responses && !said.has_role;
                found.is_open |= is_item && said.has_id;
            }
        }
        found.add(said.input);
    }
}

/// Whether a kind of part is a medium: its address may stand beside its kind.
fn is_media(kind: &[u8]) -> bool {
    let words: [&[u8]; 5] = [b"image", b"video", b"audio", b"document", b"file"];
    words
        .iter()
        .any(|it| memchr::memmem::find(kind, it).is_some())
}

/// Whether a value says one of `words`, or nothing.
fn is_any(raw: &[u8], words: &[&[u8]]) -> bool {
    let said = text(raw).to_ascii_lowercase();
    let said = said.strip_prefix(b"service_tier_").unwrap_or(&said);
    raw == b"null" || words.contains(&said)
}
