//! Real models, when the environment names them: what llama.cpp continues greedily.
//!
//! The reference ids are in `testdata/greedy-*.jsonl`; `reference/greedy.py` writes them.

use std::{fs, path::PathBuf};

use crate::support::{engine, greedy, run};

/// Where two engines may part: rounding decides between tokens this close (in nats).
const NEAR_TIE: f32 = 0.5;

fn compare(variable: &str, name: &str) {
    let Some(model) = std::env::var_os(variable).map(PathBuf::from) else {
        return;
    };
    let engine = engine(&model);
    let lines = fs::read_to_string(format!("testdata/greedy-{name}.jsonl")).unwrap();
    let mut equal = 0;
    let mut far = Vec::new();
    for line in lines.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let prompt = entry["prompt"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(entry["ids"].clone()).unwrap();
        let mut request = greedy(prompt, 48);
        request.sampling.logprobs = Some(5);
        let answer = run(&engine, request);
        let parted = answer
            .logprobs
            .iter()
            .zip(&expected)
            .find(|(found, expected)| found.token.id != **expected);
        let Some((found, expected)) = parted else {
            equal += 1;
            continue;
        };
        let theirs = found.top.iter().find(|other| other.id == *expected);
        let gap = theirs.map_or(f32::INFINITY, |other| found.token.logprob - other.logprob);
        println!("{name}: {prompt:?} parts at a gap of {gap:.3}");
        if gap > NEAR_TIE {
            far.push(prompt.to_owned());
        }
    }
    println!("{name}: {equal} of {} equal", lines.lines().count());
    assert!(far.is_empty(), "{far:?}");
}

#[test]
fn llama_continues_as_llama_cpp_does_up_to_near_ties() {
    compare("TOLLWARD_TEST_MODEL", "smollm");
}

#[test]
fn gemma_continues_as_llama_cpp_does_up_to_near_ties() {
    compare("TOLLWARD_TEST_GEMMA", "gemma");
}

#[test]
fn the_capital_of_france_is_paris() {
    let Some(model) = std::env::var_os("TOLLWARD_TEST_MODEL").map(PathBuf::from) else {
        return;
    };
    let answer = run(&engine(&model), greedy("The capital of France is", 4));
    assert!(answer.texts[0].starts_with(" Paris"), "{:?}", answer.texts);
}
