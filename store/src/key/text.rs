//! The text of a key: `tw-`, 43 base-62 digits of 32 random bytes, 6 of their checksum. That of an admin
//! token begins with `twa-`, so that neither passes for the other.
//!
//! The checksum lets a mistyped key be refused without hashing or looking it
//! up, and lets secret scanners tell our keys from noise. Base 62 keeps the
//! text one word for a double click.

use secrecy::SecretString;

use crate::StoreError;

/// How virtual keys begin.
pub(crate) const KEY: &str = "tw-";
/// How admin tokens begin.
pub(crate) const TOKEN: &str = "twa-";
/// Base-62 digits that hold 256 bits.
const SECRET_DIGITS: usize = 43;
/// Base-62 digits that hold 32 bits.
const CHECK_DIGITS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether a text can be a key of ours: right shape, right checksum.
pub fn is_well_formed_key(presented: &[u8]) -> bool {
    is_well_formed(KEY, presented)
}

/// Whether a text can be an admin token of ours: right shape, right checksum.
pub fn is_well_formed_token(presented: &[u8]) -> bool {
    is_well_formed(TOKEN, presented)
}

fn is_well_formed(prefix: &str, presented: &[u8]) -> bool {
    let Some((body, check)) = presented.split_last_chunk::<CHECK_DIGITS>() else {
        return false;
    };
    body.strip_prefix(prefix.as_bytes()).is_some_and(|secret| {
        secret.len() == SECRET_DIGITS && secret.iter().all(u8::is_ascii_alphanumeric)
    }) && *check == checksum(body)
}

/// Makes a new key or token from the operating system's randomness.
pub(crate) fn mint(prefix: &str) -> Result<SecretString, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(SecretString::from(spell(prefix, bytes)))
}

/// What is shown instead of a key: its last four characters, all of the checksum.
pub(crate) fn hint(prefix: &str, key: &str) -> String {
    let tail = key.get(key.len().saturating_sub(4)..).unwrap_or_default();
    format!("{prefix}…{tail}")
}

fn spell(prefix: &str, bytes: [u8; 32]) -> String {
    let mut text = String::with_capacity(prefix.len() + SECRET_DIGITS + CHECK_DIGITS);
    text.push_str(prefix);
    let digits: [u8; SECRET_DIGITS] = base62(bytes);
    text.extend(digits.map(char::from));
    let check = checksum(text.as_bytes());
    text.extend(check.map(char::from));
    text
}

fn checksum(body: &[u8]) -> [u8; CHECK_DIGITS] {
    base62(crc32fast::hash(body).to_be_bytes())
}

/// Writes a big-endian number with `N` base-62 digits, by long division.
fn base62<const BYTES: usize, const N: usize>(mut number: [u8; BYTES]) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        let remainder = number.iter_mut().fold(0_u16, |remainder, byte| {
            let value = (remainder << 8) | u16::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            value % 62
        });
        *digit = ALPHABET
            .get(usize::from(remainder))
            .copied()
            .unwrap_or(b'0');
    }
    digits
}

#[cfg(test)]
mod tests;
