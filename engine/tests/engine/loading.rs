//! Files that cannot be used end in a state with a reason, never in a crash.

use tollward_engine::{State, SubmitError};

use crate::{
    support::{engine, greedy, settled},
    tiny::{self, Gguf},
};

fn failure(bytes: &[u8]) -> String {
    let file = tiny::write_bytes(bytes);
    let engine = engine(&file.path);
    let State::Failed(reason) = settled(&engine) else {
        panic!("the file should not load");
    };
    let refused = engine.submit(greedy("x", 1));
    assert!(matches!(refused, Err(SubmitError::Failed(_))));
    reason
}

#[test]
fn a_missing_file_is_reported() {
    let engine = engine(std::path::Path::new("does-not-exist.gguf"));
    let State::Failed(reason) = settled(&engine) else {
        panic!("there is no file");
    };
    assert!(reason.contains("cannot read the model file"), "{reason}");
}

#[test]
fn a_cut_file_is_refused_at_every_length() {
    // S-32
    let whole = Gguf::tiny("llama", None).bytes();
    for length in [0, 3, 24, 100, 5000, whole.len() / 2, whole.len() - 1] {
        assert!(failure(&whole[..length]).contains("not a valid GGUF file"));
    }
}

#[test]
fn an_unknown_architecture_names_the_known_ones() {
    let reason = failure(&Gguf::tiny("mamba", None).bytes());
    assert!(
        reason.contains("`mamba` is not supported; known: llama, gemma3"),
        "{reason}"
    );
}

#[test]
fn a_missing_or_misshapen_tensor_is_named() {
    // S-34
    let mut gguf = Gguf::tiny("llama", None);
    gguf.tensors
        .retain(|tensor| tensor.0 != "blk.1.ffn_up.weight");
    assert!(failure(&gguf.bytes()).contains("`blk.1.ffn_up.weight` is missing"));
    let mut gguf = Gguf::tiny("llama", None);
    for tensor in &mut gguf.tensors {
        if tensor.0 == "blk.0.attn_q.weight" {
            tensor.1 = vec![32, 128];
        }
    }
    assert!(failure(&gguf.bytes()).contains("`blk.0.attn_q.weight` is 128 x 32, expected 64 x 64"));
}

#[test]
fn a_ready_model_states_its_facts() {
    let file = tiny::model("llama", Some(tiny::TEMPLATE));
    let engine = engine(&file.path);
    let State::Ready(info) = settled(&engine) else {
        panic!("the tiny model should load: {:?}", engine.state());
    };
    assert_eq!(info.name, "tiny");
    assert_eq!(info.architecture, "llama");
    assert_eq!(info.context_tokens, tiny::CONTEXT);
    assert_eq!(info.vocabulary, tiny::VOCABULARY);
    assert!(info.chats);
}
