//! What a caller has heard, and what a vendor was told, in nobody's dialect.

use serde_json::Value;

use super::scene::{CACHED, Call, Finish, INPUT, OUTPUT, Said, Scene, Turn};

/// An answer as its caller understands it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Option<Finish>,
    pub(crate) usage: Option<Usage>,
    /// The message of an error.
    pub(crate) error: Option<String>,
    /// What is no answer in the caller's dialect.
    pub(crate) wrong: Vec<String>,
}

/// Tokens; `None` where the dialect does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: u64,
    pub(crate) cached: Option<u64>,
    pub(crate) output: u64,
}

/// A request as its vendor understands it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) turns: Vec<Turn>,
    pub(crate) tools: Vec<String>,
    pub(crate) schema: Option<Value>,
    /// Whether thoughts are asked for.
    pub(crate) thinks: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) is_stream: bool,
    /// What the vendor would refuse.
    pub(crate) wrong: Vec<String>,
}

impl Heard {
    /// Adds a fault of form unless `is_right`.
    pub(crate) fn expect(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.wrong.push(what());
        }
    }

    /// The last call, to which fragments are added.
    pub(crate) fn begin_call(&mut self, id: &Value, name: &Value) {
        self.calls.push(Call {
            id: text(id),
            name: text(name),
            arguments: Value::String(String::new()),
        });
    }

    /// Adds to the arguments of call `index`.
    pub(crate) fn add_arguments(&mut self, index: usize, more: &str) {
        match self.calls.get_mut(index).map(|it| &mut it.arguments) {
            Some(Value::String(text)) => text.push_str(more),
            _ => self
                .wrong
                .push(format!("arguments of call {index}, which is not open")),
        }
    }

    /// Reads arguments that came as text.
    pub(crate) fn read_arguments(&mut self) {
        for call in &mut self.calls {
            if let Value::String(text) = &call.arguments {
                match serde_json::from_str(text) {
                    Ok(value) => call.arguments = value,
                    Err(error) => self.wrong.push(format!("arguments {text:?}: {error}")),
                }
            }
        }
    }

    /// What differs from what the vendor has said.
    pub(crate) fn compare(mut self, said: &Said, wanted: &Wanted) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.wrong);
        check(&mut wrong, "text", &self.text.as_str(), &said.text);
        check(
            &mut wrong,
            "reasoning",
            &self.reasoning.as_str(),
            &said.reasoning,
        );
        let ids: Vec<_> = self.calls.iter().map(|it| it.id.clone()).collect();
        for (call, said) in self.calls.iter_mut().zip(&said.calls) {
            if wanted.makes_ids && !call.id.is_empty() {
                call.id.clone_from(&said.id);
            }
        }
        check(&mut wrong, "calls", &self.calls, &said.calls);
        if ids
            .iter()
            .enumerate()
            .any(|(at, id)| ids.iter().skip(at + 1).any(|it| it == id))
        {
            wrong.push(format!("two calls have one id: {ids:?}"));
        }
        check(&mut wrong, "finish", &self.finish, &Some(wanted.finish));
        check(&mut wrong, "usage", &self.usage, &Some(wanted.usage));
        check(&mut wrong, "error", &self.error, &None);
        wrong
    }
}

/// What an answer must end with.
pub(crate) struct Wanted {
    pub(crate) finish: Finish,
    pub(crate) usage: Usage,
    /// The vendor gives its calls no ids.
    pub(crate) makes_ids: bool,
}

impl Usage {
    /// The counts of every scene, as far as a vendor tells them and a caller hears them.
    pub(crate) fn told(vendor_counts_cache: bool, caller_counts_cache: bool) -> Self {
        let cached = if vendor_counts_cache { CACHED } else { 0 };
        Self {
            input: INPUT,
            cached: caller_counts_cache.then_some(cached),
            output: OUTPUT,
        }
    }
}

impl Told {
    /// Adds what the vendor would refuse unless `is_right`.
    pub(crate) fn expect(&mut self, is_right: bool, what: impl FnOnce() -> String) {
        if !is_right {
            self.wrong.push(what());
        }
    }

    /// Vendors that want the two sides to take turns.
    pub(crate) fn expect_alternation(&mut self, messages: &Value) {
        let roles: Vec<_> = items(messages).iter().map(|it| text(&it["role"])).collect();
        let is_right = roles.windows(2).all(|pair| pair.first() != pair.last());
        self.expect(is_right, || {
            format!("the roles do not alternate: {roles:?}")
        });
    }

    /// What differs from what the caller has said.
    pub(crate) fn compare(mut self, scene: Scene, is_stream: bool) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.wrong);
        let mut wanted = scene.turns();
        // Ids may be another vendor's, or none: what matters is which call a result is of.
        for turns in [&mut wanted, &mut self.turns] {
            let calls: Vec<Call> = calls(turns);
            for turn in turns.iter_mut() {
                match turn {
                    Turn::Result(of, _) => {
                        if let Some(call) = calls.iter().find(|it| it.id == *of) {
                            of.clone_from(&call.name);
                        }
                    }
                    Turn::Call(call) => call.id.clear(),
                    _ => {}
                }
            }
        }
        check(&mut wrong, "turns", &self.turns, &wanted);
        let tools: Vec<_> = scene
            .tools()
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        check(&mut wrong, "tools", &self.tools, &tools);
        check(&mut wrong, "schema", &self.schema, &scene.schema());
        check(
            &mut wrong,
            "thinks",
            &self.thinks,
            &(scene == Scene::Reasoning),
        );
        check(&mut wrong, "is_stream", &self.is_stream, &is_stream);
        if scene != Scene::Reasoning {
            check(&mut wrong, "limit", &self.limit, &Some(scene.limit()));
        }
        wrong.iter().map(|it| format!("sent: {it}")).collect()
    }
}

fn calls(turns: &[Turn]) -> Vec<Call> {
    let calls = turns.iter().filter_map(|it| match it {
        Turn::Call(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

pub(crate) fn check<T: PartialEq + std::fmt::Debug>(
    wrong: &mut Vec<String>,
    what: &str,
    is: &T,
    wanted: &T,
) {
    if is != wanted {
        wrong.push(format!("{what} is {is:?}, not {wanted:?}"));
    }
}

/// A text, or nothing.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list, or an empty one.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
