//! What is recorded of an attempt as bytes: the payload of a journal record.
//!
//! Its first byte says what it is: an entry, one with a reservation, the reservation itself, or that
//! one was given back. An entry: fixed fields, then optional ones as the flags say, what was saved if an
//! answer was given again, why it went there, then tokens and, if
//! there are any, things as varints, then what was held and where, then a *label*: the texts that repeat from entry to entry, kept
//! together so that the writer can look the whole block up at once.
//! All integers are little-endian. Framing and checksums are in `segment`.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use crate::budget::MAX_CHARGES;
use crate::{
    BudgetId, CostSource, Course, Entry, Held, KeyId, NanoUsd, Outcome, RequestId, StoreError,
    ThingCounts, TokenCounts, Window,
};

/// What a record is; never reuse one.
const ENTRY: u8 = 1;
/// An entry for which something was held.
const HELD_ENTRY: u8 = 2;
/// An attempt that is about to be sent, as it would be booked if nothing were heard of it again.
const HOLD: u8 = 3;
/// What was held for an attempt is given back: it cost nothing and has no entry.
const RELEASE: u8 = 4;
/// Longest text kept per field, in bytes.
const MAX_TEXT: usize = 256;
/// Bytes of a window: its budget, its beginning and whose share it is.
const WINDOW: usize = 32;
/// Longest payload: ten texts, each at most `MAX_TEXT` after escaping, windows, and about 200 bytes.
pub(crate) const MAX_PAYLOAD: usize = 3_072 + MAX_CHARGES * WINDOW;

const STREAMED: u8 = 1;
const ESTIMATED: u8 = 1 << 1;
const HAS_KEY: u8 = 1 << 2;
const HAS_COST: u8 = 1 << 3;
const HAS_FIRST_CONTENT: u8 = 1 << 4;
const HAS_THINGS: u8 = 1 << 5;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_COURSE: u8 = 1 << 7;

/// A decoded record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// An attempt that has ended.
    Entry(Box<Row<'a>>),
    /// One that is about to be sent.
    Hold(Box<Row<'a>>),
    /// One that cost nothing has no entry.
    Release(RequestId, u32),
}

/// A decoded entry whose label is still bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    pub(crate) request: RequestId,
    pub(crate) attempt: u32,
    pub(crate) at_ms: i64,
    pub(crate) key: Option<KeyId>,
    pub(crate) status: u16,
    pub(crate) outcome: Outcome,
    pub(crate) streamed: bool,
    /// In the order of [`TokenCounts`]; each fits `i64`.
    pub(crate) tokens: [u64; 7],
    /// In the order of [`ThingCounts`]; each fits `i64`.
    pub(crate) things: [u64; 3],
    pub(crate) cost: Option<NanoUsd>,
    pub(crate) cost_source: CostSource,
    pub(crate) saved: Option<NanoUsd>,
    pub(crate) estimated: bool,
    pub(crate) attempts: u32,
    pub(crate) first_content_ms: Option<u32>,
    pub(crate) duration_ms: u32,
    pub(crate) credential: Option<&'a str>,
    pub(crate) rule: Option<&'a str>,
    pub(crate) tried: Option<&'a str>,
    pub(crate) decision: Option<&'a str>,
    pub(crate) held: Option<HeldRow<'a>>,
    pub(crate) label: &'a [u8],
}

/// What was held, with the windows still bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldRow<'a> {
    pub(crate) amount: NanoUsd,
    pub(crate) windows: &'a [u8],
}

/// The texts of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label<'a> {
    pub(crate) operation: &'a str,
    pub(crate) model: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) deployment: &'a str,
    pub(crate) upstream_model: &'a str,
    pub(crate) price_id: Option<&'a str>,
}

/// Appends the payload that books `entry` to `out`.
///
/// # Errors
/// A number does not fit what the database can hold; `out` may hold a part then.
pub(crate) fn encode(entry: &Entry, out: &mut Vec<u8>) -> Result<(), StoreError> {
    let kind = if entry.held.is_some() {
        HELD_ENTRY
    } else {
        ENTRY
    };
    encode_as(kind, entry, out)
}

/// Appends the payload that keeps the reservation of `entry`, which it must have.
///
/// # Errors
/// As of [`encode`].
pub(crate) fn encode_hold(entry: &Entry, out: &mut Vec<u8>) -> Result<(), StoreError> {
    if entry.held.is_none() {
        return Err(StoreError::InvalidEntry { field: "held" });
    }
    encode_as(HOLD, entry, out)
}

/// Appends the payload that gives a reservation back.
pub(crate) fn encode_release(request: RequestId, attempt: u32, out: &mut Vec<u8>) {
    out.push(RELEASE);
    out.extend_from_slice(request.uuid().as_bytes());
    out.extend_from_slice(&attempt.to_le_bytes());
}

fn encode_as(kind: u8, entry: &Entry, out: &mut Vec<u8>) -> Result<(), StoreError> {
    if entry.at_ms < 0 {
        return Err(StoreError::InvalidEntry { field: "at_ms" });
    }
    let flag = |condition: bool, bit: u8| if condition { bit } else { 0 };
    let flags = flag(entry.streamed, STREAMED)
        | flag(entry.estimated, ESTIMATED)
        | flag(entry.key.is_some(), HAS_KEY)
        | flag(entry.cost.is_some(), HAS_COST)
        | flag(entry.first_content_ms.is_some(), HAS_FIRST_CONTENT)
        | flag(!entry.things.is_nothing(), HAS_THINGS)
        | flag(entry.credential.is_some(), HAS_CREDENTIAL)
        | flag(entry.course != Course::default(), HAS_COURSE);
    out.extend_from_slice(&[kind, flags, entry.outcome as u8, entry.cost_source as u8]);
    out.extend_from_slice(entry.request.uuid().as_bytes());
    out.extend_from_slice(&entry.attempt.to_le_bytes());
    out.extend_from_slice(&entry.at_ms.to_le_bytes());
    out.extend_from_slice(&entry.status.to_le_bytes());
    out.extend_from_slice(&entry.attempts.to_le_bytes());
    out.extend_from_slice(&entry.duration_ms.to_le_bytes());
    if let Some(key) = entry.key {
        out.extend_from_slice(key.uuid().as_bytes());
    }
    if let Some(NanoUsd(cost)) = entry.cost {
        out.extend_from_slice(&cost.to_le_bytes());
    }
    if let Some(first_content_ms) = entry.first_content_ms {
        out.extend_from_slice(&first_content_ms.to_le_bytes());
    }
    if entry.cost_source.saves() {
        push_saved(entry.saved, out);
    }
    if let Some(credential) = &entry.credential {
        push_text(credential, out);
    }
    push_course(&entry.course, out);
    push_counts("tokens", &entry.tokens.to_array(), out)?;
    if !entry.things.is_nothing() {
        push_counts("things", &entry.things.to_array(), out)?;
    }
    if let Some(held) = &entry.held {
        out.extend_from_slice(&held.amount.0.to_le_bytes());
        push_windows(&held.windows, out)?;
    }
    push_text(&entry.operation, out);
    push_text(&entry.model, out);
    push_text(&entry.provider, out);
    push_text(&entry.deployment, out);
    push_text(&entry.upstream_model, out);
    // An empty price id says nothing, and the database keeps it as none.
    if let Some(price_id) = entry.price_id.as_ref().filter(|id| !id.is_empty()) {
        push_text(price_id, out);
    }
    Ok(())
}

/// Reads a payload; `None` when it is not one that this version wrote.
pub(crate) fn decode(payload: &[u8]) -> Option<Record<'_>> {
    let (kind, rest) = payload.split_first()?;
    let row = |has_held| decode_row(Cursor(rest), has_held).map(Box::new);
    match *kind {
        ENTRY => row(false).map(Record::Entry),
        HELD_ENTRY => row(true).map(Record::Entry),
        HOLD => row(true).map(Record::Hold),
        RELEASE => {
            let mut cursor = Cursor(rest);
            let request = RequestId::from_uuid(Uuid::from_bytes(*cursor.array()?));
            let attempt = u32::from_le_bytes(*cursor.array()?);
            Some(Record::Release(request, attempt))
        }
        _ => None,
    }
}

fn decode_row(mut cursor: Cursor<'_>, has_held: bool) -> Option<Row<'_>> {
    let [flags, outcome, cost_source] = *cursor.array::<3>()?;
    let has = |bit: u8| flags & bit != 0;
    let request = RequestId::from_uuid(Uuid::from_bytes(*cursor.array()?));
    let attempt = u32::from_le_bytes(*cursor.array()?);
    let at_ms = i64::from_le_bytes(*cursor.array()?);
    let status = u16::from_le_bytes(*cursor.array()?);
    let attempts = u32::from_le_bytes(*cursor.array()?);
    let duration_ms = u32::from_le_bytes(*cursor.array()?);
    let key = if has(HAS_KEY) {
        Some(KeyId::from_uuid(Uuid::from_bytes(*cursor.array()?)))
    } else {
        None
    };
    let cost = if has(HAS_COST) {
        Some(NanoUsd(i64::from_le_bytes(*cursor.array()?)))
    } else {
        None
    };
    let first_content_ms = if has(HAS_FIRST_CONTENT) {
        Some(u32::from_le_bytes(*cursor.array()?))
    } else {
        None
    };
    let cost_source = CostSource::from_code(cost_source)?;
    let [saved] = cursor.saved(cost_source)?;
    let [credential] = cursor.some_texts(has(HAS_CREDENTIAL))?;
    let [rule, tried, decision] = cursor.some_texts(has(HAS_COURSE))?;
    let tokens = cursor.counts()?;
    let things = if has(HAS_THINGS) {
        cursor.counts()?
    } else {
        [0; 3]
    };
    let held = if has_held { Some(cursor.held()?) } else { None };
    // A label that cannot be read is none.
    Label::decode(cursor.0)?;
    Some(Row {
        request,
        attempt,
        at_ms,
        key,
        status,
        outcome: Outcome::from_code(outcome)?,
        streamed: has(STREAMED),
        tokens,
        things,
        cost,
        cost_source,
        saved,
        estimated: has(ESTIMATED),
        attempts,
        first_content_ms,
        duration_ms,
        credential,
        rule,
        tried,
        decision,
        held,
        label: cursor.0,
    })
}

impl<'a> Label<'a> {
    /// Reads the label block of a row; `None` when it is not one.
    pub(crate) fn decode(label: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(label);
        Some(Self {
            operation: cursor.text()?,
            model: cursor.text()?,
            provider: cursor.text()?,
            deployment: cursor.text()?,
            upstream_model: cursor.text()?,
            price_id: if cursor.0.is_empty() {
                None
            } else {
                Some(cursor.text()?)
            },
        })
    }
}

impl Row<'_> {
    /// Whether it counts as an error in reports.
    pub(crate) fn is_error(&self) -> bool {
        crate::ledger::is_error(self.status, self.outcome)
    }

    /// The entry, with texts of its own; `None` when its label is none.
    pub(crate) fn to_entry(&self) -> Option<Entry> {
        let label = Label::decode(self.label)?;
        Some(Entry {
            request: self.request,
            attempt: self.attempt,
            at_ms: self.at_ms,
            key: self.key,
            operation: Cow::Owned(label.operation.to_owned()),
            model: Arc::from(label.model),
            provider: Arc::from(label.provider),
            deployment: Arc::from(label.deployment),
            upstream_model: Arc::from(label.upstream_model),
            status: self.status,
            outcome: self.outcome,
            streamed: self.streamed,
            tokens: TokenCounts::from_array(self.tokens),
            things: ThingCounts::from_array(self.things),
            cost: self.cost,
            cost_source: self.cost_source,
            saved: self.saved,
            estimated: self.estimated,
            price_id: label.price_id.map(Arc::from),
            credential: self.credential.map(Arc::from),
            course: Course {
                rule: self.rule.map(Arc::from),
                tried: self.tried.map(Arc::from),
                decision: self.decision.map(Arc::from),
            },
            held: self.held.map(HeldRow::to_held),
            attempts: self.attempts,
            first_content_ms: self.first_content_ms,
            duration_ms: self.duration_ms,
        })
    }
}

impl HeldRow<'_> {
    /// The same, with windows of its own.
    pub(crate) fn to_held(self) -> Held {
        Held {
            amount: self.amount,
            windows: windows(self.windows).collect(),
        }
    }
}

/// The windows of a block.
pub(crate) fn windows(block: &[u8]) -> impl Iterator<Item = Window> + '_ {
    let (windows, _) = block.as_chunks::<WINDOW>();
    windows.iter().filter_map(|bytes| {
        let mut cursor = Cursor(bytes);
        Some(Window {
            budget: BudgetId::from_uuid(Uuid::from_bytes(*cursor.array()?)),
            start_ms: i64::from_le_bytes(*cursor.array()?),
            subject: u64::from_le_bytes(*cursor.array()?),
        })
    })
}

/// Writes how many windows there are, and each.
fn push_windows(windows: &[Window], out: &mut Vec<u8>) -> Result<(), StoreError> {
    if windows.is_empty() || windows.len() > MAX_CHARGES {
        return Err(StoreError::InvalidEntry { field: "held" });
    }
    push_varint(windows.len() as u64, out);
    for window in windows {
        out.extend_from_slice(window.budget.uuid().as_bytes());
        out.extend_from_slice(&window.start_ms.to_le_bytes());
        out.extend_from_slice(&window.subject.to_le_bytes());
    }
    Ok(())
}

/// Three texts, of which an empty one says nothing, if there is anything to tell.
fn push_course(course: &Course, out: &mut Vec<u8>) {
    if *course != Course::default() {
        for text in [&course.rule, &course.tried, &course.decision] {
            push_text(text.as_deref().unwrap_or_default(), out);
        }
    }
}

fn push_counts(field: &'static str, counts: &[u64], out: &mut Vec<u8>) -> Result<(), StoreError> {
    for count in counts {
        if i64::try_from(*count).is_err() {
            return Err(StoreError::InvalidEntry { field });
        }
        push_varint(*count, out);
    }
    Ok(())
}

fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Writes length and text, cut to `MAX_TEXT` at a character, NUL escaped for Postgres' sake.
fn push_text(text: &str, out: &mut Vec<u8>) {
    let escaped: Cow<'_, str> = if text.as_bytes().contains(&0) {
        Cow::Owned(text.replace('\0', "\\u0000"))
    } else {
        Cow::Borrowed(text)
    };
    let kept = escaped
        .get(..escaped.floor_char_boundary(MAX_TEXT))
        .unwrap_or_default();
    push_varint(u64::try_from(kept.len()).unwrap_or(0), out);
    out.extend_from_slice(kept.as_bytes());
}

/// Appends what was saved: whether it is known, and how much.
fn push_saved(saved: Option<NanoUsd>, out: &mut Vec<u8>) {
    out.push(u8::from(saved.is_some()));
    out.extend_from_slice(&saved.unwrap_or(NanoUsd::ZERO).0.to_le_bytes());
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(head)
    }

    /// What was saved, if something may have been.
    fn saved(&mut self, cost_source: CostSource) -> Option<[Option<NanoUsd>; 1]> {
        if !cost_source.saves() {
            return Some([None]);
        }
        let [is_known] = *self.array::<1>()?;
        let saved = i64::from_le_bytes(*self.array()?);
        Some([(is_known != 0).then_some(NanoUsd(saved))])
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let [byte] = *self.array::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn counts<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut counts = [0; N];
        for count in &mut counts {
            *count = self.varint().filter(|it| i64::try_from(*it).is_ok())?;
        }
        Some(counts)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        str::from_utf8(head).ok()
    }

    fn held(&mut self) -> Option<HeldRow<'a>> {
        let amount = NanoUsd(i64::from_le_bytes(*self.array()?));
        let many = usize::try_from(self.varint()?).ok()?;
        let many = Some(many).filter(|it| (1..=MAX_CHARGES).contains(it))?;
        let (windows, rest) = self.0.split_at_checked(many * WINDOW)?;
        self.0 = rest;
        Some(HeldRow { amount, windows })
    }

    /// Some texts, if they are there; one that is empty is none.
    fn some_texts<const N: usize>(&mut self, are_there: bool) -> Option<[Option<&'a str>; N]> {
        let mut texts = [None; N];
        for text in texts.iter_mut().filter(|_| are_there) {
            *text = Some(self.text()?).filter(|it| !it.is_empty());
        }
        Some(texts)
    }
}

#[cfg(test)]
mod tests;
