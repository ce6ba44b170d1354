#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

/// The seal of every test here.
pub(crate) static SEAL: Seal = Seal::new([7; 32]);

/// A request as a dialect gets it: what a caller kept is open.
pub(crate) fn received(request: &Document) -> Document {
    SEAL.open_all(request).unwrap_or_else(|| request.clone())
}

fn opened(seal: &Seal, request: &serde_json::Value) -> Option<serde_json::Value> {
    let document = Document::parse(request.to_string().into()).unwrap();
    let opened = seal.open_all(&document)?;
    Some(serde_json::from_slice(opened.bytes()).unwrap())
}

fn history(proof: &str) -> serde_json::Value {
    serde_json::json!({"messages": [{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": proof},
        {"type": "text", "text": proof},
    ]}]})
}

#[test]
fn a_sealed_text_is_base64_that_shows_nothing_and_is_always_the_same() {
    let plain = "tollward-thought-1:google-gemini-v1:signed:rs_1:proof";
    let closed = SEAL.close(plain);
    assert_eq!(closed, SEAL.close(plain));
    let bytes = STANDARD.decode(&closed).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("google"));
    assert_ne!(closed, Seal::new([8; 32]).close(plain));
}

#[test]
fn what_was_sealed_is_open_in_the_request_and_other_texts_stay() {
    let plain = "tollward-thought-1:google-gemini-v1:signed:rs_1:proof";
    let closed = SEAL.close(plain);
    let mut expected = history(plain);
    expected["messages"][0]["content"][1]["text"] = closed.clone().into();
    assert_eq!(opened(&SEAL, &history(&closed)), Some(expected));
    assert_eq!(opened(&SEAL, &history("EqQB")), None);
    // Some SDKs decode a signature and encode it with the other two letters.
    let turned = closed.replace('+', "-").replace('/', "_");
    let request = opened(&SEAL, &history(&turned)).unwrap();
    assert_eq!(request["messages"][0]["content"][0]["signature"], plain);
}

#[test]
fn a_thought_that_somebody_else_sealed_or_forged_is_nobodys() {
    let plain = "tollward-thought-1:anthropic-claude-v1:signed::proof";
    let closed = SEAL.close(plain);
    let broken = closed.replacen(&closed[20..22], "AA", 1);
    let strange = Seal::new([8; 32]).close(plain);
    for text in [plain, &broken, &strange, MARK] {
        let request = opened(&SEAL, &history(text)).unwrap();
        let proof = &request["messages"][0]["content"][0]["signature"];
        assert_eq!(proof, packed::UNREADABLE, "{text}");
    }
    let Some(packed::Packed::Thought(thought)) = packed::unpack(packed::UNREADABLE) else {
        unreachable!("it is packed as a thought");
    };
    assert_eq!(thought.provenance, crate::chat::Provenance::Lost);
    assert_eq!((thought.signature, thought.encrypted), (None, None));
}
