//! Tokens when the provider told none.
//!
//! A stream that was cut has been paid for, so its ledger row must not say zero. Of an answer
//! only its bytes are known: three to a token, rounded up. A request is at hand, and is weighed by
//! what its bytes are: words, marks, digits, letters of other scripts. The weights lie between the
//! tokenizers of several vendors, see [`weight`]. Rows made from an estimate carry the flag
//! `estimated`.

use memchr::memmem;

/// Bytes of an answer taken for one token.
const BYTES_PER_TOKEN: u64 = 3;

/// Where pictures, sound and files stand in the requests of all dialects, alone or in a list. A field
/// in the midst of a text, with its quotes escaped, ends in a backslash and is none of these.
const DATA_FIELDS: [&[u8]; 10] = [
    b"url",
    b"image_url",
    b"data",
    b"file_data",
    b"images",
    b"image",
    b"audio",
    b"b64_json",
    b"fileUri",
    b"file_url",
];

/// Strings shorter than this are counted without a look, in bytes.
const LEAST_LOOK: usize = 64;
/// A string of base64 without a mark before it is taken for data from this length on, in bytes.
const LEAST_DATA: usize = 1_024;

/// What a token weighs.
const TOKEN: u64 = 20;
/// No text has more bytes to a token, however its words look: letters without end are not free.
const MOST_BYTES_PER_TOKEN: u64 = 6;
/// Added to each byte's weight and taken off again in the end, so that none is negative.
const FLOOR: u8 = 20;
/// Bytes that are weighed at once, as many as a small vector register has.
const LANES: usize = 16;
/// Rows of that many bytes whose weights fit into 16 bits, one above the other.
const ROWS: usize = 1_024;

/// Tokens that `bytes` of an answer's text are taken for.
pub fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Base64 of sound that a caller sends, taken for one token: 100 ms of 16 bits at 24 kHz, the usual format.
/// Source: <https://developers.openai.com/api/docs/guides/realtime-costs> (read 2026-11).
const HEARD_BYTES_PER_TOKEN: u64 = 4_800 / 3 * 4;
/// The same of sound that a model makes, whose tokens are of 50 ms.
const SPOKEN_BYTES_PER_TOKEN: u64 = 2_400 / 3 * 4;

/// Tokens that base64 of so many bytes is taken for, of sound that a caller sends.
pub fn heard_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(HEARD_BYTES_PER_TOKEN)
}

/// The same of sound that a model makes.
pub fn spoken_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(SPOKEN_BYTES_PER_TOKEN)
}

/// Input tokens of a request body, base64 data left out.
///
/// An image of a megabyte costs a vendor about a thousand tokens, not the
/// 350,000 that its base64 text would suggest; what it costs exactly is known
/// to the vendor alone. It is known by the field that it stands in, and by `base64,` before it or by
/// being a long string of nothing else. What stands where text stands is text, however it is
/// spelt, and so is what has a blank or is not ASCII (faults S-26).
pub fn input_tokens(body: &[u8]) -> u64 {
    let (mut weighed, mut bytes) = (0, 0);
    let mut add = |text: &[u8]| {
        weighed += weigh(text);
        bytes += text.len() as u64;
    };
    // The text that was passed and not weighed yet, and the string at its end.
    let (mut text, mut string) = (0, 0);
    let mut field: &[u8] = b"";
    while let Some(rest) = body.get(string..) {
        let end = string + memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let inside = body.get(string..end).unwrap_or_default();
        string = end + 1;
        if inside.len() < LEAST_LOOK {
            let behind = body.get(string..).unwrap_or_default().iter();
            let mut behind = behind.skip_while(|it| it.is_ascii_whitespace());
            if behind.next() == Some(&b':') {
                field = inside;
            }
            continue;
        }
        let data = if DATA_FIELDS.contains(&field) {
            data_bytes(inside)
        } else {
            0
        };
        if data > 0 {
            add(body.get(text..end - data).unwrap_or_default());
            text = end;
        }
    }
    add(body.get(text..).unwrap_or_default());
    weighed
        .div_ceil(TOKEN)
        .max(bytes.div_ceil(MOST_BYTES_PER_TOKEN))
}

/// The weight of a text.
fn weigh(text: &[u8]) -> u64 {
    let Some((first, behind)) = text.split_first() else {
        return 0;
    };
    let before = text.get(..behind.len()).unwrap_or_default();
    let (rows, rest) = behind.as_chunks::<LANES>();
    let (rows_before, rest_before) = before.as_chunks::<LANES>();
    let mut sum = u64::from(weight(b' ', *first));
    for (rows, rows_before) in rows.chunks(ROWS).zip(rows_before.chunks(ROWS)) {
        let mut lanes = [0_u16; LANES];
        for (row, row_before) in rows.iter().zip(rows_before) {
            // In bytes first, and then widened: that is what a processor does many of at once.
            let mut weights = [0_u8; LANES];
            let pairs = row.iter().zip(row_before);
            for (to, (byte, before)) in weights.iter_mut().zip(pairs) {
                *to = weight(*before, *byte);
            }
            for (lane, weight) in lanes.iter_mut().zip(weights) {
                *lane += u16::from(weight);
            }
        }
        sum += lanes.iter().map(|it| u64::from(*it)).sum::<u64>();
    }
    let pairs = rest.iter().zip(rest_before);
    sum += pairs
        .map(|(byte, before)| u64::from(weight(*before, *byte)))
        .sum::<u64>();
    sum.saturating_sub(u64::from(FLOOR) * text.len() as u64)
}

/// The weight of a byte after another one, in twentieths of a token, above [`FLOOR`].
///
/// Fitted to English, code, tool schemas and eleven other languages as JSON strings under the
/// tokenizers `o200k_base` (gpt-tokenizer 4), Claude 2's (@anthropic-ai/tokenizer 0.0.4) and
/// Llama 3's (llama3-tokenizer-js 1), read 2026-11. A word costs its beginning and little for its
/// letters; a blank belongs to the word behind it. In bytes, and of nothing but comparisons, so that
/// many are weighed at once.
fn weight(before: u8, byte: u8) -> u8 {
    let is_letter = |it: u8| (it | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = |it: u8| it.wrapping_sub(b'0') < 10;
    let is_mark = |it: u8| it.is_ascii_graphic() && !is_letter(it) && !is_digit(it) && it != b'\\';
    let when = |holds: bool, weight: u8| if holds { weight } else { 0 };
    let weight = when(is_letter(byte), 1)
        + when(is_letter(byte) && !is_letter(before), 18)
        + when(is_digit(byte), 8)
        + when(is_mark(byte) && !is_mark(before), 14)
        + when(byte == b'\\', 12)
        // The first bytes of characters in UTF-8: Latin, other alphabets, what has three bytes and more.
        + when(byte.wrapping_sub(0xC2) < 4, 16)
        + when(byte.wrapping_sub(0xC6) < 0xE0 - 0xC6, 10)
        + when(byte >= 0xE0, 16);
    // `\uXXXX` is one character, however many letters and digits it is spelt with.
    FLOOR + weight - when(byte == b'u' && before == b'\\', FLOOR + 19)
}

/// How many bytes of a string are base64 data.
fn data_bytes(string: &[u8]) -> usize {
    const MARK: &[u8] = b"base64,";
    let marked = memmem::find(string, MARK).map(|at| at + MARK.len());
    let data = string.get(marked.unwrap_or(0)..).unwrap_or_default();
    let is_long_enough = marked.is_some() || data.len() >= LEAST_DATA;
    let is_data = |it: &u8| it.is_ascii_alphanumeric() || b"+/=_-\\".contains(it);
    // A solidus may be escaped; a character that is escaped is text, and all of it may be.
    if is_long_enough && data.iter().all(is_data) && memmem::find(data, b"\\u").is_none() {
        data.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests;
