//! Golden capabilities, read by hand from the pinned packages, and rules for the whole table.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::catalog::Catalog;

/// What is said of tools, vision, audio, schema and reasoning: `y`, `n`, or `-` for nothing.
fn abilities(capabilities: &Capabilities) -> String {
    let letter = |ability| match capabilities.can(ability) {
        Some(true) => 'y',
        Some(false) => 'n',
        None => '-',
    };
    Ability::ALL.into_iter().map(letter).collect()
}

/// Provider, model, context, most output (zero is unknown), abilities, the day it goes (empty is unknown).
type Golden = (
    &'static str,
    &'static str,
    u64,
    u64,
    &'static str,
    &'static str,
);

const GOLDEN: [Golden; 22] = [
    ("openai", "gpt-4o", 128_000, 16_384, "yynyn", ""),
    // models.dev has prompt and answer together, LiteLLM the prompt alone.
    ("openai", "gpt-5", 400_000, 128_000, "yynyy", "2026-12-11"),
    ("openai", "o3", 200_000, 100_000, "yynyy", "2026-12-11"),
    // Too new for models.dev: LiteLLM and genai-prices.
    ("openai", "gpt-6-sol", 1_050_000, 128_000, "yy-yy", ""),
    // Its "output" in models.dev is the length of its vectors.
    ("openai", "text-embedding-3-large", 8_192, 0, "nnn-n", ""),
    (
        "anthropic",
        "claude-haiku-4-5",
        200_000,
        64_000,
        "yynyy",
        "",
    ),
    // LiteLLM says 200,000.
    (
        "anthropic",
        "claude-sonnet-4-5",
        1_000_000,
        64_000,
        "yynyy",
        "2026-11-30",
    ),
    ("gemini", "gemini-2.5-flash", 1_048_576, 65_536, "yyyyy", ""),
    (
        "groq",
        "llama-3.3-70b-versatile",
        131_072,
        32_768,
        "ynn-n",
        "",
    ),
    ("groq", "openai/gpt-oss-120b", 131_072, 65_536, "ynnyy", ""),
    (
        "mistral",
        "mistral-large-latest",
        262_144,
        262_144,
        "yynyn",
        "",
    ),
    (
        "deepseek",
        "deepseek-v4-pro",
        1_000_000,
        393_216,
        "ynnyy",
        "",
    ),
    (
        "moonshotai",
        "kimi-k2-0905-preview",
        262_144,
        262_144,
        "ynn-n",
        "",
    ),
    ("openrouter", "openai/gpt-4o", 128_000, 16_384, "yynyn", ""),
    // models.dev has it without who serves it behind the router.
    (
        "huggingface",
        "Qwen/Qwen3-32B:groq",
        131_072,
        16_384,
        "ynnyy",
        "",
    ),
    (
        "bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        200_000,
        64_000,
        "yynyy",
        "2027-04-08",
    ),
    (
        "vertex",
        "claude-sonnet-4-5@20250929",
        200_000,
        64_000,
        "yynyy",
        "2026-09-29",
    ),
    ("azure", "gpt-4o", 128_000, 16_384, "yynyn", "2027-04-14"),
    // What Azure's own lists leave open is what OpenAI's say, but not the day.
    ("azure", "us/gpt-5.2-pro", 400_000, 128_000, "yynyy", ""),
    // Without the date at its end, and by an alias: the same model as for its price.
    (
        "openai",
        "gpt-5.4-mini-20261101",
        400_000,
        128_000,
        "yynyy",
        "",
    ),
    (
        "deepseek",
        "deepseek-v4.1-flash",
        1_000_000,
        393_216,
        "yy-yy",
        "",
    ),
    // Nobody says anything but its price.
    ("openai", "davinci-002", 0, 0, "-----", ""),
];

#[test]
fn capabilities_are_those_of_the_sources() {
    for (provider, model, context, max_output, said, until) in GOLDEN {
        let name = format!("{provider}/{model}");
        let found = Catalog::embedded().capabilities(provider, model).unwrap();
        let some = |limit| Some(limit).filter(|it| *it > 0);
        assert_eq!(found.context, some(context), "{name}");
        assert_eq!(found.max_output, some(max_output), "{name}");
        assert_eq!(abilities(&found), said, "{name}");
        let midnight = moment::parse(until);
        assert_eq!(found.deprecated_unix_s, midnight, "{name}");
        assert_eq!(midnight.is_none(), until.is_empty(), "{name}");
    }
}

#[test]
fn nothing_is_known_of_a_model_that_is_not_listed() {
    for (provider, model) in [
        ("openai", "gpt-5.6x"),
        ("openai", ""),
        ("nobody", "gpt-4o"),
        ("huggingface", "Qwen/Qwen3-32B"),
    ] {
        let found = Catalog::embedded().capabilities(provider, model);
        assert_eq!(found, None, "{provider}/{model}");
    }
}

#[test]
fn every_entry_says_something_that_can_be_read() {
    let catalog = Catalog::embedded();
    let (mut models, mut with_context, mut disputed) = (0, 0, 0);
    for provider in catalog.providers() {
        for model in catalog.models(provider) {
            let found = catalog.capabilities(provider, model).unwrap();
            let listing = catalog.listing(provider, model).unwrap();
            let name = format!("{provider}/{model}");
            assert_eq!(listing.capabilities, found, "{name}");
            models += 1;
            with_context += usize::from(found.context.is_some());
            disputed += usize::from(!listing.disputed.is_empty());
            // The least is an image model's prompt, the most Llama 4's ten million.
            for limit in [found.context, found.max_output].into_iter().flatten() {
                assert!((64..=20_000_000).contains(&limit), "{name}: {limit}");
            }
            for fact in listing.disputed {
                let ability = Ability::ALL.into_iter().find(|it| it.name() == fact);
                // The generous answer was taken.
                let taken = ability.map_or(Some(true), |it| found.can(it));
                assert_eq!(taken, Some(true), "{name}: {fact}");
            }
        }
    }
    assert!(with_context * 10 > models * 7, "{with_context} of {models}");
    assert!((1..models / 10).contains(&disputed), "{disputed}");
}

#[test]
fn capabilities_take_up_less_than_60_kb_of_the_table() {
    let text = include_str!("../../../catalog/prices.json");
    let in_line = |line: &str| {
        let at = line.find(",\"a\":[")?;
        Some(line.get(at..)?.find(']')? + 1)
    };
    let bytes: usize = text.lines().filter_map(in_line).sum();
    assert!((10_000..60_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn a_capability_that_this_release_does_not_know_is_not_guessed() {
    let read = |text: &str| serde_json::from_str::<Stored>(text).unwrap().read();
    assert_eq!(read("[]"), Some(Capabilities::default()));
    let tools = Capabilities {
        context: Some(8_192),
        tools: Some(true),
        vision: Some(false),
        ..Capabilities::default()
    };
    // Said: tools and vision; so: tools; disputed: context.
    assert_eq!(read("[1059,8192]"), Some(tools));
    for text in ["[131072]", "[0,1,2,20261301]", "[0,1,2,20261201,5]"] {
        assert_eq!(read(text), None, "{text}");
    }
    let stored: Stored = serde_json::from_str("[66560]").unwrap();
    assert_eq!(stored.disputed(), ["context", "reasoning"]);
}

#[test]
fn a_table_of_prices_alone_is_read_and_says_nothing_of_capabilities() {
    let body = "\"providers\":{\n\"openai\":{\"fold\":false,\"models\":{\"m\":{\"s\":0,\"p\":[{\"i\":1}]}},\"aliases\":{}}}}\n";
    let hex = "eec0f094ee08417e";
    let text = format!("{{\"schema\":2,\"id\":\"2026-11-01+{hex}\",\"inputs\":[],\n{body}");
    let table = Catalog::parse(&text).unwrap();
    assert!(table.timeline("openai", "m").is_some());
    let said = table.capabilities("openai", "m");
    assert_eq!(said, Some(Capabilities::default()));
}
