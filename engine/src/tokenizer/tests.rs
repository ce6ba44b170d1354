#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::{fs, path::PathBuf};

use super::*;
use crate::gguf::GgufFile;

/// The tokenizer of a real model, when the environment names one.
fn real(variable: &str) -> Option<Tokenizer> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    let file = GgufFile::open(&path).unwrap();
    Some(Tokenizer::from_metadata(&file.header.metadata).unwrap())
}

/// Compares with ids that llama.cpp gave; see `tests/reference/tokens.py`. A larger file
/// than the committed one can be named in `TOLLWARD_TEST_TOKENS`.
fn compare(variable: &str, name: &str) {
    let Some(tokenizer) = real(variable) else {
        return;
    };
    let folder = std::env::var_os("TOLLWARD_TEST_TOKENS")
        .map_or_else(|| PathBuf::from("testdata"), PathBuf::from);
    let lines = fs::read_to_string(folder.join(format!("tokens-{name}.jsonl"))).unwrap();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = entry.get("text").unwrap().as_str().unwrap();
        let is_special = entry.get("special").unwrap().as_bool().unwrap();
        let mut expected: Vec<u32> =
            serde_json::from_value(entry.get("ids").unwrap().clone()).unwrap();
        if let [bos, second, ..] = expected.as_slice()
            && bos == second
            && Some(*bos) == tokenizer.vocabulary().bos_to_add()
        {
            // The one chosen difference: a start token that is spelled out is not doubled.
            expected.remove(0);
        }
        let found = tokenizer.encode(if is_special {
            Text::Template(text, None)
        } else {
            Text::Plain(text)
        });
        if found != expected {
            wrong.push(format!(
                "{text:?} special {is_special}: {found:?}, not {expected:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn byte_level_ids_equal_llama_cpp() {
    compare("TOLLWARD_TEST_MODEL", "smollm");
}

#[test]
fn sentencepiece_ids_equal_llama_cpp() {
    compare("TOLLWARD_TEST_GEMMA", "gemma");
}
