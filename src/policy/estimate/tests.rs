//! Estimates against what tokenizers count.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::Value;

use super::*;

#[test]
fn an_answer_counts_three_bytes_to_a_token_rounded_up() {
    assert_eq!((tokens(0), tokens(1), tokens(7)), (0, 1, 3));
}

#[test]
fn the_estimate_is_near_what_tokenizers_of_three_vendors_count() {
    // What stands in a body, with its tokens under `o200k_base`, Llama 3's and Claude 2's tokenizer.
    let samples: Value = serde_json::from_str(include_str!("samples.json")).unwrap();
    for sample in samples.as_array().unwrap() {
        let estimate = input_tokens(sample["value"].to_string().as_bytes());
        for tokens in sample["tokens"].as_array().unwrap() {
            let tokens = tokens.as_u64().unwrap();
            let near = tokens * 80 / 100..=tokens * 125 / 100;
            assert!(
                near.contains(&estimate),
                "{} {estimate} {tokens}",
                sample["what"]
            );
        }
    }
}

#[test]
fn a_text_weighs_the_same_however_long_the_one_before_it() {
    let word = weigh(b" word");
    for times in [1, 3, 4, 1_000, 100_000] {
        assert_eq!(weigh(" word".repeat(times).as_bytes()), word * times as u64);
    }
}

#[test]
fn an_escaped_character_is_text_and_no_six_letters() {
    let escaped = r"\u6587\u5b57".repeat(1_000);
    let tokens = input_tokens(escaped.as_bytes());
    assert!((2_000..4_000).contains(&tokens), "{tokens}");
}

#[test]
fn letters_without_end_are_not_free() {
    assert_eq!(input_tokens(&[b'x'; 900]), 150);
    assert_eq!((input_tokens(b""), input_tokens(b" ")), (0, 1));
}

// S-26
#[test]
fn prose_is_not_free_because_it_names_base64() {
    let english = format!(r#""base64, {}""#, "word ".repeat(1_000));
    let chinese = format!(r#""base64,{}""#, "\u{6587}".repeat(1_000));
    assert!(input_tokens(english.as_bytes()) > 1_000);
    assert!(input_tokens(chinese.as_bytes()) >= 800);
}

#[test]
fn images_without_a_mark_do_not_count_as_text_either() {
    let image = "A+/9".repeat(250_000);
    let claude = format!(r#"{{"type":"base64","media_type":"image/png","data":"{image}"}}"#);
    assert!(input_tokens(claude.as_bytes()) < 30);
    let words = format!(r#"{{"text":"{}"}}"#, "word ".repeat(1_000));
    assert!(input_tokens(words.as_bytes()) > 1_000);
}

#[test]
fn inline_images_do_not_count_as_text() {
    let image = "A".repeat(1_000_000);
    let body = format!(r#"{{"url":"data:image/png;base64,{image}","text":"hello"}}"#);
    assert!(
        input_tokens(body.as_bytes()) < 30,
        "{}",
        input_tokens(body.as_bytes())
    );
    let behind = format!(r#"{body}"{}""#, "word ".repeat(1_000));
    assert!(input_tokens(behind.as_bytes()) > 1_000);
}

// S-26
#[test]
fn a_prompt_without_blanks_is_not_free() {
    let prompt = "The_quick_brown_fox_jumps_over_the_lazy_dog_".repeat(2_000);
    for field in ["content", "text", "input", "prompt", "output"] {
        let body = format!(r#"{{"{field}":"{prompt}"}}"#);
        let tokens = input_tokens(body.as_bytes());
        assert!(tokens > 10_000, "{field}: {tokens}");
    }
    let marked = format!(
        r#"{{"content":"data:image/png;base64,{}"}}"#,
        "AAAA".repeat(10_000)
    );
    assert!(input_tokens(marked.as_bytes()) > 5_000);
    // Not even if it says that it is a field of data itself.
    let escaped = format!(r#"{{"content":"x \"data\": \"{prompt}\""}}"#);
    assert!(input_tokens(escaped.as_bytes()) > 10_000);
    let spaced = format!(r#"{{"data" : "{}"}}"#, "AAAA".repeat(10_000));
    assert!(input_tokens(spaced.as_bytes()) < 30);
}
