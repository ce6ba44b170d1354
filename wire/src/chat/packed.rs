//! Thoughts and proofs of one vendor inside another dialect's opaque field, and the way back.
//!
//! A client keeps a signature or a cipher without reading it and sends it back. What
//! another vendor wants back travels there, under a mark by which it is known as ours: it
//! is never sent to a vendor who would refuse it. Clients get it sealed ([`Seal`]); in a
//! request it is open again before a dialect reads it.

use std::borrow::Cow;

use crate::chat::seal::Seal;
use crate::chat::{Provenance, Thought};

/// What every packed text begins with once it is open.
pub(crate) const MARK: &str = "tollward-thought-1";
/// A thought that cannot be opened: nobody's, so that nobody is sent it.
pub(super) const UNREADABLE: &str = "tollward-thought-1:unreadable:plain::";

/// What was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
    /// A thought, without its words.
    Thought(Thought<'static>),
    /// The proof that belongs to a tool call.
    Call {
        /// The call's id.
        id: String,
        /// The proof, verbatim.
        signature: String,
    },
}

/// Whether a body may hold something packed that is open: quick, and never wrong when it says no.
pub fn may_be_in(body: &[u8]) -> bool {
    memchr::memmem::find(body, MARK.as_bytes()).is_some()
}

/// The sealed text that stands for a thought; its words are not in it.
pub fn pack(thought: &Thought<'_>, seal: &Seal) -> String {
    seal.close(&packed_thought(thought))
}

/// The sealed text that stands for a tool call's proof.
pub fn pack_call(id: &str, signature: &str, seal: &Seal) -> String {
    seal.close(&packed_call(id, signature))
}

pub(crate) fn packed_call(id: &str, signature: &str) -> String {
    let format = Provenance::Google;
    [MARK, format.format(), "call", &field(id), signature].join(":")
}

pub(crate) fn packed_thought(thought: &Thought<'_>) -> String {
    let (kind, payload) = match (&thought.encrypted, &thought.signature) {
        (Some(data), Some(signature)) => (
            "both",
            Cow::Owned(format!("{}:{signature}{data}", signature.len())),
        ),
        (Some(data), None) => ("encrypted", Cow::Borrowed(&**data)),
        (None, Some(signature)) => ("signed", Cow::Borrowed(&**signature)),
        (None, None) => ("plain", Cow::Borrowed("")),
    };
    let id = thought.id.as_deref().unwrap_or_default();
    let format = field(thought.provenance.format());
    [MARK, &format, kind, &field(id), &payload].join(":")
}

/// Reads what was packed and is open; `None` if it is not ours.
pub fn unpack(packed: &str) -> Option<Packed> {
    let mut parts = packed.strip_prefix(MARK)?.strip_prefix(':')?.splitn(4, ':');
    let (format, kind, id) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = parts.next().unwrap_or_default();
    let id = plain(id);
    let mut thought = Thought::unsigned(Cow::Borrowed(""));
    thought.provenance = Provenance::of_format(&plain(format));
    match kind {
        "call" => {
            return Some(Packed::Call {
                id: id.into_owned(),
                signature: payload.to_owned(),
            });
        }
        "both" => {
            let (length, rest) = payload.split_once(':')?;
            let (signature, data) = rest.split_at_checked(length.parse().ok()?)?;
            thought.signature = Some(signature.to_owned().into());
            thought.encrypted = Some(data.to_owned().into());
        }
        "encrypted" => thought.encrypted = Some(payload.to_owned().into()),
        "signed" => thought.signature = Some(payload.to_owned().into()),
        _ => {}
    }
    thought.id = (!id.is_empty()).then(|| id.into_owned().into());
    Some(Packed::Thought(thought))
}

/// A text in which no `:` is left.
fn field(text: &str) -> Cow<'_, str> {
    if text.contains([':', '%']) {
        text.replace('%', "%25").replace(':', "%3A").into()
    } else {
        text.into()
    }
}

fn plain(field: &str) -> Cow<'_, str> {
    if field.contains('%') {
        field.replace("%3A", ":").replace("%25", "%").into()
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thought(signature: Option<&'static str>, encrypted: Option<&'static str>) -> Packed {
        Packed::Thought(Thought {
            text: "".into(),
            signature: signature.map(Into::into),
            encrypted: encrypted.map(Into::into),
            id: Some("rs:1%".into()),
            provenance: Provenance::Other("a:b".into()),
        })
    }

    // trap 23
    #[test]
    fn what_is_packed_comes_back_as_it_was() {
        let ways = [
            (None, None),
            (Some("s:g=="), None),
            (None, Some("e:n")),
            (Some("é:"), Some(":x")),
        ];
        for (signature, encrypted) in ways {
            let it = thought(signature, encrypted);
            let Packed::Thought(inner) = &it else {
                continue;
            };
            assert_eq!(unpack(&packed_thought(inner)), Some(it.clone()));
        }
        let call = Packed::Call {
            id: "functions.f:0".into(),
            signature: "p:1".into(),
        };
        assert_eq!(unpack(&packed_call("functions.f:0", "p:1")), Some(call));
    }

    #[test]
    fn what_we_did_not_pack_is_not_ours() {
        for text in [
            "",
            "gAAAA",
            "tollward-thought-1",
            "tollward-thought-2:a:b:c:d",
        ] {
            assert_eq!(unpack(text), None, "{text}");
        }
    }
}
