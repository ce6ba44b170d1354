#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::operation::Operation::{
    Chat, Completions, Embeddings, GenerateContent, Messages, OllamaChat, OllamaGenerate, Rerank,
    Responses,
};

/// The smallest picture: one dot.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==";

fn bound(operation: Operation, body: &str) -> InputBound {
    let body = body.replace("DOT", DOT);
    InputBound::of(operation, &Document::parse(body.into()).unwrap())
}

/// How many pictures are counted, if all of the rest is words.
fn pictures(operation: Operation, body: &str) -> Option<u64> {
    let bound = bound(operation, body);
    (!bound.is_open).then_some(bound.tokens / PICTURE_TOKENS)
}

#[test]
fn what_is_all_words_is_bounded_by_its_bytes() {
    for (operation, body) in [
        (
            Chat,
            r#"{"messages":[{"role":"user","content":"https://example.com is down"}]}"#,
        ),
        (
            Chat,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"http://x"}]}]}"#,
        ),
        (
            Chat,
            r#"{"messages":[],"tools":[{"type":"function","function":{"name":"f","parameters":
            {"$schema":"http://json-schema.org/draft-07/schema#","properties":{"image":{"type":"string"},"file_id":{}}}}}]}"#,
        ),
        (
            Chat,
            r#"{"messages":[],"response_format":{"type":"json_schema","json_schema":{"schema":{"$id":"https://x/y","properties":{"url":{}}}}}}"#,
        ),
        (
            Chat,
            r#"{"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"url\":\"http://x\"}"}}]}]}"#,
        ),
        (
            Messages,
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"image_url":"https://x/y.png"}}]}]}"#,
        ),
        (
            Messages,
            r#"{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://x","title":"t","content":[]}]}]}"#,
        ),
        (
            Messages,
            r#"{"messages":[{"role":"user","content":[{"type":"document","title":"https://x","source":{"type":"text","media_type":"text/plain","data":"words"}}]}]}"#,
        ),
        (
            Responses,
            r#"{"input":[{"type":"message","id":"m","role":"user","content":"hi"}]}"#,
        ),
        (
            Responses,
            r#"{"input":[{"type":"reasoning","id":"r","encrypted_content":"x"}]}"#,
        ),
        (
            Responses,
            r#"{"input":"x","text":{"format":{"type":"json_schema","schema":{"url":"http://x"}}}}"#,
        ),
        (Embeddings, r#"{"input":"https://example.com"}"#),
        (Embeddings, r#"{"input":[1,2,3]}"#),
        (Completions, r#"{"prompt":["http://a","http://b"]}"#),
        (
            OllamaChat,
            r#"{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"image":"http://x"}}}]}],"format":{"image":{}}}"#,
        ),
        (
            GenerateContent,
            r#"{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"fileUri":"gs://x"}}},{"functionResponse":{"name":"f","response":{"image_url":"http://x"}}}]}]}"#,
        ),
        (
            GenerateContent,
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"text/csv","data":"YSxi"}}]}]}"#,
        ),
        (
            Rerank,
            r#"{"query":"q","documents":["http://x",{"text":"a","url":"http://x"}]}"#,
        ),
    ] {
        let bound = bound(operation, body);
        let words = InputBound {
            tokens: body.len() as u64 + FRAME_TOKENS,
            is_open: false,
            has_media: false,
            wants: Wants::default(),
        };
        assert_eq!(bound, words, "{body}");
    }
}

/// What refers to something else, or has more tokens than bytes.
const OPEN: &[(Operation, &str)] = &[
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://x/y.png"}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"x.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_data":"data:text/plain;base64,JVBERi0xLjQK"}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRgAAAABXQVZF","format":"wav"}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":"UklGRgAAAABXQVZF"}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"document_url","document_url":"https://x/y.pdf"}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAAAIGZ0eXA="}}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[],"extra_body":{"google":{"cached_content":"c"}}}"#,
    ),
    (
        Messages,
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":  "https://x/y.pdf"}}]}]}"#,
    ),
    (
        Messages,
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}"#,
    ),
    (
        Messages,
        r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"data":"JVBERi0xLjQK","type":"base64","media_type":"application/pdf"}}]}]}"#,
    ),
    (
        Messages,
        r#"{"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"image","url":"https://x/y.png"}]}]}"#,
    ),
    (
        Chat,
        r#"{"messages":[{"role":"user","content":[{"type":"part","data":"JVBERi0xLjQK","mimeType":"application/pdf"}]}]}"#,
    ),
    (
        Responses,
        r#"{"previous_response_id":"resp_1","input":"go on"}"#,
    ),
    (
        Responses,
        r#"{"conversation":{"id":"conv_1"},"input":"go on"}"#,
    ),
    (Responses, r#"{"prompt":{"id":"pmpt_1"}}"#),
    (
        Responses,
        r#"{"input":[{"type":"item_reference","id":"x"}]}"#,
    ),
    (
        Responses,
        r#"{"input":[{"type":"item_referenc\u0065","id":"x"}]}"#,
    ),
    (Responses, r#"{"input":[{"id":"x"}]}"#),
    (
        Responses,
        r#"{"input":[{"type":"reasoning","id":"r","summary":[]}]}"#,
    ),
    (
        Responses,
        r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://x"}]}]}"#,
    ),
    (
        Responses,
        r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x"}]}]}"#,
    ),
    (
        Responses,
        r#"{"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","file_id":"f"}]}]}"#,
    ),
    (Embeddings, r#"{"input":[{"image":"https://x/y.png"}]}"#),
    (Embeddings, r#"{"input":[{"url":"https://x/y.png"}]}"#),
    (
        OllamaChat,
        r#"{"messages":[{"role":"user","content":"","Images":["https://x"]}]}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[{"parts":[{"fileData":{"fileUri":"gs://x"}}]}]}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[{"parts":[{"file_data":{"file_uri":"gs://x"}}]}]}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"AAAAIGZ0eXA="}}]}]}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[{"parts":[{"inline_data":{"data":"JVBERi0xLjQK","mime_type":"application/pdf"}}]}]}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[],"cachedContent":"cachedContents/x"}"#,
    ),
    (
        GenerateContent,
        r#"{"contents":[],"cached_content":"cachedContents/x"}"#,
    ),
];

// S-26
#[test]
fn what_is_somewhere_else_or_has_more_tokens_than_bytes_leaves_the_bound_open() {
    for (operation, body) in OPEN {
        let bound = bound(*operation, body);
        assert!(bound.is_open && bound.has_media, "{body}");
    }
}

// S-26
#[test]
fn a_reference_is_found_however_it_is_written() {
    let part = |key: &str, url: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url",{key}{{"url"{url}}}}}]}}]}}"#
        )
    };
    for body in [
        part(r#""image\u005furl":"#, r#":"https://x""#),
        part(r#""image_url" : "#, ":\t\n\"https://x\""),
        part(r#""image_url":"#, r#":"HTTPS://x""#),
        part(r#""image_url":"#, r#":"\u0068ttps:\/\/x""#),
        part(r#""image_url":"#, r#":" https://x""#),
        part(r#""Image_URL":"#, r#":"gs://x""#),
        part(r#""image_url":"#, r#":"not a picture""#),
    ] {
        assert!(bound(Chat, &body).is_open, "{body}");
    }
}

#[test]
fn a_picture_costs_by_its_tiles_and_not_by_its_bytes() {
    for (operation, body, expected) in [
        (
            Chat,
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,DOT"}}]}]}"#,
            1,
        ),
        (
            Chat,
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image\/png;base64,DOT"}}]}]}"#,
            1,
        ),
        (
            Messages,
            r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"DOT","media_type":"image/png"}}]}]}"#,
            1,
        ),
        (
            Responses,
            r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,DOT"},{"type":"input_image","image_url":"data:image/png;base64,DOT"}]}]}"#,
            2,
        ),
        (Embeddings, r#"{"input":[{"image":"DOT"},{"text":"a"}]}"#, 1),
        (
            OllamaChat,
            r#"{"messages":[{"role":"user","content":"x","images":["DOT","DOT"]}]}"#,
            2,
        ),
        (OllamaGenerate, r#"{"prompt":"x","images":["DOT"]}"#, 1),
        (
            GenerateContent,
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"DOT"}}]}]}"#,
            1,
        ),
        (
            GenerateContent,
            r#"{"contents":[{"parts":[{"inline_data":{"data":"DOT","mime_type":"image/png"}}]}]}"#,
            1,
        ),
    ] {
        assert_eq!(pictures(operation, body), Some(expected), "{body}");
    }
    let large = DOT.repeat(10_000);
    let body = format!(r#"{{"messages":[{{"role":"user","content":"x","images":["{large}"]}}]}}"#);
    assert_eq!(pictures(OllamaChat, &body), Some(1));
    // What is no picture is none because it says so.
    let body = body.replace("iVBOR", "AAAAI");
    assert_eq!(pictures(OllamaChat, &body), None);
}

#[test]
fn sound_and_pictures_that_are_asked_for_may_have_a_price_of_their_own() {
    for (operation, body) in [
        (
            Chat,
            r#"{"messages":[],"modalities":["text","audio"],"audio":{"voice":"a","format":"wav"}}"#,
        ),
        (Chat, r#"{"messages":[],"\u0061udio":{"voice":"a"}}"#),
        (
            GenerateContent,
            r#"{"contents":[],"generationConfig":{"responseModalities":["IMAGE"]}}"#,
        ),
        (
            GenerateContent,
            r#"{"contents":[],"generation_config":{"response_modalities":["IMAGE"]}}"#,
        ),
    ] {
        let bound = bound(operation, body);
        assert!(bound.has_media && !bound.is_open, "{body}");
    }
}

#[test]
fn tools_in_the_midst_of_a_conversation_are_seen() {
    let added = r#"{"input":[{"type":"additional_tools","tools":[{"type":"web_search"}]}]}"#;
    assert!(bound(Responses, added).wants.tools);
    let own = r#"{"input":"x","tools":[{"type":"function","name":"f"}]}"#;
    assert!(!bound(Responses, own).wants.tools);
}

// S-26
#[test]
fn a_tier_or_a_place_that_may_be_dearer_is_seen_in_every_dialect() {
    let wants = |operation, fields: &str| {
        let wants = bound(operation, &format!(r#"{{"messages":[],{fields}}}"#)).wants;
        (wants.haste, wants.place)
    };
    for fields in [
        r#""service_tier":"default","speed":"standard","inference_geo":"global" "#,
        r#""service_tier":null,"serviceTier":"SERVICE_TIER_STANDARD" "#,
        r#""service_tier":"flex","inference_geo":null"#,
    ] {
        assert_eq!(wants(Messages, fields), (false, false), "{fields}");
    }
    for fields in [
        r#""service_tier":"auto" "#,
        r#""service_tier":"priority" "#,
        r#""service\u005ftier":"priority" "#,
        r#""serviceTier":"priority" "#,
        r#""serviceTier":{"type":"priority"}"#,
        r#""service_tier":"\u0070riority" "#,
        r#""speed":"fast" "#,
        r#""extra_body":{"service_tier":"priority"}"#,
    ] {
        assert_eq!(wants(Chat, fields), (true, false), "{fields}");
    }
    assert_eq!(wants(Messages, r#""inference_geo": "us" "#), (false, true));
}
