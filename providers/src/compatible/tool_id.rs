//! Tool call ids for vendors that take only their own form.
//!
//! A conversation that began at another vendor holds that vendor's ids. They are replaced
//! by ones derived from them, the same for a call and its result, so that nothing has to
//! be remembered. What the vendor emits itself passes.

use sha2::{Digest as _, Sha256};
use tollward_wire::document::{Document, Edit, Object};

/// Length of an id, all of it letters and digits.
const LENGTH: usize = 9;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Replaces the ids in a message that the vendor would refuse.
pub(super) fn shorten(message: &Object, document: &Document, edit: &mut Edit<'_>) {
    shorten_one(message, "tool_call_id", document, edit);
    for call in message.objects(document, "tool_calls").unwrap_or_default() {
        shorten_one(&call, "id", document, edit);
    }
}

fn shorten_one(object: &Object, field: &str, document: &Document, edit: &mut Edit<'_>) {
    let id: Option<String> = object
        .raw(document, field)
        .and_then(|raw| serde_json::from_slice(raw).ok());
    if let Some(short) = id.as_deref().and_then(short) {
        edit.set_in(object, field, short);
    }
}

/// The id that stands for `id`; `None` if it can stay.
///
/// Nine digits of base 62 tell 10^16 ids apart: two in one conversation do not meet.
fn short(id: &str) -> Option<String> {
    if id.len() == LENGTH && id.bytes().all(|it| it.is_ascii_alphanumeric()) {
        return None;
    }
    let digest = Sha256::digest(id.as_bytes());
    let mut number = digest
        .iter()
        .take(16)
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let digits = (0..LENGTH).filter_map(|_| {
        let digit = usize::try_from(number % 62).ok()?;
        number /= 62;
        DIGITS.get(digit).copied().map(char::from)
    });
    Some(digits.collect())
}
