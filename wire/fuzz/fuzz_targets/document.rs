//! What is accepted is what `serde_json` accepts, and an edit leaves a valid document.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use tollward_wire::document::{Document, DocumentError};
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

fuzz_target!(|body: &[u8]| {
    let theirs = serde_json::from_slice::<Map<String, Value>>(body);
    match Document::parse(Bytes::copy_from_slice(body)) {
        Ok(document) => {
            // serde_json stops one level of nesting earlier than we do.
            let Ok(theirs) = theirs else { return };
            for (field, value) in &theirs {
                let raw = document.raw(field).expect("indexed");
                assert_eq!(&serde_json::from_slice::<Value>(raw).expect("valid"), value);
                let _ = document.objects(field);
            }
            for operation in Operation::ALL {
                let _ = RequestView::read(operation, &document);
            }
            let mut edit = document.edit();
            edit.set("model", "x");
            edit.remove("stream");
            edit.rename("a", "b");
            Document::parse(edit.finish().to_bytes()).expect("an edit keeps a document valid");
        }
        Err(DocumentError::Syntax { offset, .. }) => {
            assert!(offset <= body.len());
            assert!(theirs.is_err(), "serde_json accepts what we refuse");
        }
        Err(_) => {}
    }
});
