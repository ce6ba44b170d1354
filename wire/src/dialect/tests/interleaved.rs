//! What is said in the midst of calls reaches every caller, and cuts none of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{answered, collect_answer, emitted};
use crate::chat::collect::{Block, Choice};
use crate::chat::settle::Settler;
use crate::chat::{ChatEvent, Collected, Finish, Names, ToolKind};
use crate::dialect::Dialect;

/// The dialects of callers that can call tools.
const CALLERS: [Dialect; 5] = [
    Dialect::OpenAiChat,
    Dialect::OpenAiResponses,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
];

type Events = Vec<ChatEvent<'static>>;

/// Text that is cut into pieces of up to `size` letters.
fn pieces(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(size).map(|it| it.iter().collect()).collect()
}

/// A call from its beginning to its end, which not every vendor marks.
fn call(number: u32) -> impl Strategy<Value = Events> {
    let arguments = (
        "[a-z\"{}\\\\]{0,6}",
        any::<bool>(),
        1..5_usize,
        any::<bool>(),
    );
    arguments.prop_map(move |(value, is_empty, size, marks_end)| {
        let arguments = serde_json::json!({"k": value}).to_string();
        let mut events = vec![ChatEvent::ToolCall {
            choice: 0,
            call: number,
            id: Some(format!("id{number}").into()),
            name: format!("tool{number}").into(),
            kind: ToolKind::Function,
            signature: None,
        }];
        let arguments = if is_empty { "" } else { &arguments };
        events.extend(
            pieces(arguments, size)
                .into_iter()
                .map(|text| ChatEvent::Arguments {
                    choice: 0,
                    call: number,
                    text: text.into(),
                }),
        );
        if marks_end {
            let call = number;
            events.push(ChatEvent::ToolCallEnd { choice: 0, call });
        }
        events
    })
}

/// Words, of a kind that their letters tell: text, a refusal, a thought.
fn said() -> impl Strategy<Value = Events> {
    let word = prop_oneof!["[a-h]{1,3}", "[n-z]{1,3}", "[A-Z]{1,3}"];
    let event = word.prop_map(|text: String| {
        let (choice, first) = (0, text.chars().next());
        let text = text.into();
        match first {
            Some('a'..='h') => ChatEvent::Text { choice, text },
            Some('n'..='z') => ChatEvent::Refusal { choice, text },
            _ => ChatEvent::Thinking { choice, text },
        }
    });
    vec(event, 0..6)
}

/// The same events in another order, each strand in its own. Calls begin one after the other.
fn interleaved(strands: &[Events], picks: &[Index]) -> Events {
    let mut rest: Vec<_> = strands.iter().map(|it| it.iter().cloned()).collect();
    let mut mixed = Vec::new();
    for pick in picks {
        let begun = mixed
            .iter()
            .filter(|it| matches!(it, ChatEvent::ToolCall { .. }));
        // The strand of words, the calls that have begun, and the next one.
        let within = begun.count() + 2;
        let mut left: Vec<_> = rest
            .iter_mut()
            .take(within)
            .filter(|it| it.len() > 0)
            .collect();
        if left.is_empty() {
            break;
        }
        let at = pick.index(left.len());
        mixed.extend(left.get_mut(at).and_then(Iterator::next));
    }
    mixed.extend(rest.into_iter().flatten());
    mixed.push(ChatEvent::Finish {
        choice: 0,
        finish: Finish::ToolCalls,
    });
    mixed.push(ChatEvent::End);
    mixed
}

/// What a caller's dialect says, whatever the order of its blocks.
fn folded(choice: &Choice) -> (Vec<String>, Vec<(String, serde_json::Value)>) {
    let (mut words, mut calls) = (String::new(), Vec::new());
    for block in &choice.blocks {
        match block {
            Block::Text(text) | Block::Refusal(text) => words.push_str(text),
            Block::Thought(thought) => words.push_str(&thought.text),
            Block::Call {
                name, arguments, ..
            } => {
                let arguments = serde_json::from_str(arguments);
                calls.push((name.clone(), arguments.unwrap_or_default()));
            }
        }
    }
    let kind = |from: char, to: char| {
        words
            .chars()
            .filter(|it| (from..=to).contains(it))
            .collect()
    };
    (vec![kind('a', 'h'), kind('n', 'z'), kind('A', 'Z')], calls)
}

/// A caller's stream, read as a client reads it.
fn heard(caller: Dialect, stream: String) -> Collected {
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut collected = Collected::default();
    let mut reader = caller.reader();
    let mut sink = |event: ChatEvent<'_>| settler.pass(event, &mut collected);
    reader.push(stream.into(), &mut sink);
    reader.finish(&mut sink);
    collected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_of_the_same_words_and_calls_is_the_same_answer(
        said in said(), one in call(0), two in call(1), three in call(2), picks in vec(any::<Index>(), 64),
    ) {
        let strands = [said, one, two, three];
        let plain = interleaved(&strands, &[]);
        let mixed = interleaved(&strands, &picks);
        for caller in CALLERS {
            let expected = heard(caller, emitted(caller, plain.clone()));
            let streamed = heard(caller, emitted(caller, mixed.clone()));
            let whole = collect_answer(caller, &answered(caller, mixed.clone()));
            let first = |it: &Collected| folded(it.choices.get(&0).unwrap_or(&Choice::default()));
            prop_assert_eq!(first(&streamed), first(&expected), "{}", caller.name());
            prop_assert_eq!(first(&whole), first(&expected), "whole, {}", caller.name());
            prop_assert_eq!(first(&streamed).1.len(), 3);
        }
    }
}
