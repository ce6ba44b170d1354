//! Bytes of tokens back to text, one token at a time.

/// Holds back the bytes of a character until its last byte came.
#[derive(Debug, Default)]
pub(crate) struct Utf8Buffer {
    pending: Vec<u8>,
}

impl Utf8Buffer {
    /// Adds bytes and returns the text that is complete now. Bytes that can never become
    /// a character turn into U+FFFD at once.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = std::mem::take(&mut self.pending);
        loop {
            match std::str::from_utf8(&rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let tail = rest.split_off(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(&rest));
                    let Some(bad) = error.error_len() else {
                        self.pending = tail;
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = tail.get(bad..).unwrap_or_default().to_vec();
                }
            }
        }
    }

    /// Whether a character has begun and not ended.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What is left when no more bytes come: one U+FFFD for a cut character.
    pub(crate) fn finish(&mut self) -> String {
        if std::mem::take(&mut self.pending).is_empty() {
            String::new()
        } else {
            char::REPLACEMENT_CHARACTER.to_string()
        }
    }
}
