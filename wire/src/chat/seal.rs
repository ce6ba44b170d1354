//! The seal on what clients keep for us: thoughts, which they send back unread.
//!
//! AES-256-GCM-SIV (RFC 8452) under one nonce: a thought has one text wherever a client
//! meets it, and that two are equal is all that the text shows. It is base64 throughout,
//! because some SDKs decode the fields in which it travels.

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use aes_gcm_siv::aead::{Aead, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chat::packed;
use crate::document::Document;
use crate::json::{Json, Object};

/// What every sealed text begins with; its length keeps the whole text base64.
const MARK: &str = "tollwardsealed01";
/// The fields in which a client sends such a text back: Anthropic's, `OpenAI`'s, Google's.
const FIELDS: [&str; 5] = [
    "signature",
    "data",
    "encrypted_content",
    "thoughtSignature",
    "thought_signature",
];

/// A secret key for texts that pass through clients.
#[derive(Clone)]
pub struct Seal([u8; 32]);

impl Seal {
    /// A seal with a key of 256 random bits.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Seals a text.
    pub fn close(&self, text: &str) -> String {
        // Only a text of 64 GiB cannot be sealed; it would be sent back as unreadable.
        let sealed = self.cipher().encrypt(&Nonce::default(), text.as_bytes());
        let mut closed = MARK.to_owned();
        STANDARD.encode_string(sealed.unwrap_or_default(), &mut closed);
        closed
    }

    /// Opens every sealed thought of a request; `None` if it has none.
    ///
    /// One that this seal did not close becomes a thought of nobody, which is sent to nobody.
    pub fn open_all(&self, request: &Document) -> Option<Document> {
        let body = request.bytes();
        if !packed::may_be_in(body) && memchr::memmem::find(body, MARK.as_bytes()).is_none() {
            return None;
        }
        let mut body = Json::trusted(body)?;
        self.open_in(&mut body)
            .then(|| Document::parse(body.to_bytes()).ok())?
    }

    /// Whether anything was opened.
    fn open_in(&self, value: &mut Json<'_>) -> bool {
        match value {
            Json::Array(items) => {
                let mut is_any = false;
                for item in items {
                    is_any |= self.open_in(item);
                }
                is_any
            }
            Json::Object(object) => self.open_members(object),
            _ => false,
        }
    }

    fn open_members(&self, object: &mut Object<'_>) -> bool {
        let mut is_any = false;
        for (key, value) in object.members_mut() {
            let opened = match value {
                Json::String(text) if FIELDS.contains(&key) => self.open(text),
                _ => None,
            };
            match opened {
                Some(text) => *value = text.into(),
                None if !self.open_in(value) => continue,
                None => {}
            }
            is_any = true;
        }
        is_any
    }

    /// What stands for `text` in the request: `None` for a text that is a vendor's own.
    fn open(&self, text: &str) -> Option<String> {
        if text.starts_with(packed::MARK) {
            return Some(packed::UNREADABLE.to_owned());
        }
        let sealed = text.strip_prefix(MARK)?;
        let opened = self.opened(sealed);
        Some(opened.unwrap_or_else(|| packed::UNREADABLE.to_owned()))
    }

    fn opened(&self, sealed: &str) -> Option<String> {
        // An SDK that decoded the text may have encoded it in the other alphabet.
        let sealed = sealed.replace('-', "+").replace('_', "/");
        let sealed = STANDARD.decode(sealed).ok()?;
        let text = self.cipher().decrypt(&Nonce::default(), &*sealed).ok()?;
        String::from_utf8(text).ok()
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.0.into())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}
