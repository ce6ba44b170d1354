//! Any error that is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollward_wire::error_body::{ErrorBody, MAX_MESSAGE_BYTES};
use tollward_wire::fault::Fault;

fuzz_target!(|body: &[u8]| {
    let Some(error) = ErrorBody::parse(body) else {
        return;
    };
    assert!(error.message.len() <= MAX_MESSAGE_BYTES);
    let _ = Fault::from_error(&error);
    assert!(ErrorBody::parse(&error.to_json()).is_some());
});
