//! Any request that is read is written for every vendor, or refused: as JSON, the same in pieces.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollward_wire::chat::{Searching, Target, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::Document;
use tollward_wire::json::Json;

const CALLERS: [Dialect; 6] = [
    Dialect::OpenAiChat,
    Dialect::Anthropic,
    Dialect::Ollama,
    Dialect::OllamaGenerate,
    Dialect::OpenAiResponses,
    Dialect::Gemini,
];
const VENDORS: [Dialect; 6] = [
    Dialect::OpenAiChat,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
    Dialect::Converse,
    Dialect::OpenAiResponses,
];

fuzz_target!(|input: (bool, bool, &[u8])| {
    let (takes_schema, thinks_by_effort, body) = input;
    let Ok(document) = Document::parse(Bytes::copy_from_slice(body)) else {
        return;
    };
    let traits = Traits {
        takes_schema,
        thinks_by_effort,
        web_search: Searching::ByTool,
        ..Traits::default()
    };
    let target = Target { model: "m", traits };
    for caller in CALLERS {
        let Ok(request) = caller.read_request(&document) else {
            continue;
        };
        for vendor in VENDORS {
            let Ok(written) = vendor.write_request(&request, &target) else {
                continue;
            };
            let whole = written.body.to_bytes();
            assert!(Json::parse(&whole).is_some());
            assert_eq!(written.body.to_segments(document.bytes()).to_bytes(), whole);
        }
    }
});
