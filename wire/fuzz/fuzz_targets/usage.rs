//! A believed report has parts within their wholes, whatever was sent.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollward_wire::answer::read_answer;
use tollward_wire::operation::Operation;
use tollward_wire::usage::{MAX_TOKENS, Usage};

fuzz_target!(|raw: &[u8]| {
    if let Ok(usage) = Usage::from_openai(raw) {
        assert!(usage.cache_read + usage.cache_write <= usage.input);
        assert!(usage.reasoning <= usage.output && usage.output <= MAX_TOKENS);
        assert!(usage.input <= 2 * MAX_TOKENS);
    }
    for operation in Operation::ALL {
        let _ = read_answer(operation, &Bytes::copy_from_slice(raw));
    }
});
