#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn an_inquiry_is_read_whole_or_refused() {
    let read = |text: &str| Inquiry::parse(text.as_bytes());
    let inquiry = read(
        r#"{"model":"chat","tags":["a,b"],"body":{"messages":[{"role":"user","content":"Hi"}],"max_tokens":7,"stream":true}}"#,
    );
    let admitted = inquiry.unwrap().admitted(Caller::Open).unwrap();
    assert_eq!(admitted.view.max_output, Some(7));
    assert!(admitted.view.is_stream);
    assert_eq!(admitted.hints.tags.len(), 2);
    let bare = read(r#"{"model":"chat","operation":"embeddings"}"#).unwrap();
    let admitted = bare.admitted(Caller::Open).unwrap();
    assert_eq!(admitted.operation, Operation::Embeddings);
    assert!(matches!(
        read(r#"{"model":"chat","bdy":{}}"#),
        Err(ExplainError::Malformed(_))
    ));
    let refused = |text: &str| read(text).unwrap().admitted(Caller::Open).err().unwrap();
    assert!(matches!(
        refused(r#"{"model":"chat","operation":"sing"}"#),
        ExplainError::Operation(_)
    ));
    assert!(matches!(
        refused(r#"{"model":"chat","body":{}}"#),
        ExplainError::Admit(AdmitError::Field(_))
    ));
}
