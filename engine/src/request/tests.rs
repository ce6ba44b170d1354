#![expect(clippy::panic, reason = "tests")]

use super::*;

fn request() -> GenerateRequest {
    GenerateRequest {
        input: Input::Text("once".to_owned()),
        sampling: Sampling::default(),
        max_tokens: None,
        stop: Vec::new(),
        n: 1,
    }
}

fn refused_param(change: impl FnOnce(&mut GenerateRequest)) -> &'static str {
    let mut request = request();
    change(&mut request);
    match request.validate() {
        Err(SubmitError::Invalid { param, .. }) => param,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn a_default_request_is_valid() {
    assert!(request().validate().is_ok());
}

#[test]
fn a_number_out_of_range_names_its_field() {
    assert_eq!(
        refused_param(|r| r.sampling.temperature = 2.1),
        "temperature"
    );
    assert_eq!(
        refused_param(|r| r.sampling.temperature = f32::NAN),
        "temperature"
    );
    assert_eq!(refused_param(|r| r.sampling.top_p = -0.1), "top_p");
    assert_eq!(
        refused_param(|r| r.sampling.presence_penalty = 3.0),
        "presence_penalty"
    );
    assert_eq!(
        refused_param(|r| r.sampling.frequency_penalty = -3.0),
        "frequency_penalty"
    );
    assert_eq!(
        refused_param(|r| r.sampling.logit_bias = vec![(1, 101.0)]),
        "logit_bias"
    );
    assert_eq!(
        refused_param(|r| r.sampling.logprobs = Some(21)),
        "logprobs"
    );
    assert_eq!(refused_param(|r| r.n = 0), "n");
    assert_eq!(refused_param(|r| r.n = 129), "n");
    assert_eq!(refused_param(|r| r.max_tokens = Some(0)), "max_tokens");
}

#[test]
fn stop_strings_are_bounded_and_not_empty() {
    assert_eq!(refused_param(|r| r.stop = vec![String::new()]), "stop");
    assert_eq!(refused_param(|r| r.stop = vec!["x".repeat(1025)]), "stop");
    assert_eq!(refused_param(|r| r.stop = vec!["x".to_owned(); 17]), "stop");
}

#[test]
fn a_conversation_without_messages_is_refused() {
    assert_eq!(
        refused_param(|r| r.input = Input::Chat(Vec::new())),
        "input"
    );
}
