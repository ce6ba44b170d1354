//! A conversation as turns that take each other's place, for vendors that want it so.
//!
//! Claude, Gemini and Converse know two speakers. What `OpenAI` spreads over messages is
//! gathered: consecutive messages of one side are one turn, all results of an assistant's
//! calls stand first in the turn that follows it, and instructions at the head are apart.
//! What the caller's history lacks is put in, because the vendor would refuse all of it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::chat::message::{Message, Part, Role, Text, ToolResult};
use crate::json::Json;

/// What stands where a result is missing.
const NO_RESULT: &str = "[no result recorded]";
/// What the person says where a conversation begins with the assistant.
const OPENING: &str = ".";

/// What the user says after the assistant's words where those may not be the last.
pub const GO_ON: &str = "Continue.";

/// A conversation in turns.
#[derive(Debug, Default)]
pub struct Conversation<'r, 'a> {
    /// The instructions at its head, in order.
    pub system: Vec<&'r Text<'a>>,
    /// The turns; the first is the user's, and no two neighbours are of one side.
    pub turns: Vec<Turn<'r, 'a>>,
}

/// What one side says until the other one speaks.
#[derive(Debug)]
pub struct Turn<'r, 'a> {
    /// Whether it is the user's, or the assistant's.
    pub is_user: bool,
    /// In order; never empty.
    pub parts: Vec<Cow<'r, Part<'a>>>,
}

/// Turns in a vendor's words: whose each is, and what of it can be sent.
#[derive(Debug, Default)]
pub struct Said<'a>(pub Vec<(bool, Vec<Json<'a>>)>);

impl<'a> Said<'a> {
    /// Adds a turn. One of which nothing is left is none, and makes neighbours of those about it.
    pub fn add(&mut self, is_user: bool, mut content: Vec<Json<'a>>) {
        if content.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some((side, before)) if *side == is_user => before.append(&mut content),
            _ => self.0.push((is_user, content)),
        }
    }
}

impl<'r, 'a> Conversation<'r, 'a> {
    /// Gathers the messages.
    pub fn of(messages: &'r [Message<'a>]) -> Self {
        let mut conversation = Self::default();
        let head = messages
            .iter()
            .take_while(|it| matches!(it.role, Role::System | Role::Developer))
            .count();
        let (system, talk) = messages.split_at(head);
        for part in system.iter().flat_map(|it| &it.parts) {
            match part {
                Part::Text(text) if text.text.trim().is_empty() => {}
                Part::Text(text) => conversation.system.push(text),
                // Instructions are words to these vendors: a picture among them is shown first.
                part => conversation.push(true, Cow::Borrowed(part)),
            }
        }
        for message in talk {
            conversation.add(message);
        }
        if conversation.turns.is_empty() {
            conversation.push(true, opening());
        }
        conversation.answer_open_calls();
        conversation.order_results();
        conversation
    }

    fn add(&mut self, message: &'r Message<'a>) {
        let is_user = message.role != Role::Assistant;
        let is_late_system = matches!(message.role, Role::System | Role::Developer);
        for part in message.parts.iter().filter(|it| !is_blank(it)) {
            let part = match part {
                Part::Text(text) if is_late_system => Cow::Owned(Part::Text(Text {
                    text: format!("<system>\n{}\n</system>", text.text).into(),
                    cache: text.cache.clone(),
                })),
                Part::Refusal(text) => Cow::Owned(Part::from(text.clone())),
                Part::ToolResult(result) if !self.waits_for(&result.call) => {
                    self.push(is_user, orphan(result));
                    for part in result
                        .parts
                        .iter()
                        .filter(|it| !matches!(it, Part::Text(_)))
                    {
                        self.push(is_user, Cow::Borrowed(part));
                    }
                    continue;
                }
                part => Cow::Borrowed(part),
            };
            self.push(is_user, part);
        }
    }

    fn push(&mut self, is_user: bool, part: Cow<'r, Part<'a>>) {
        if self.turns.is_empty() && !is_user {
            self.turns.push(Turn {
                is_user: true,
                parts: vec![opening()],
            });
        }
        match self.turns.last_mut() {
            Some(turn) if turn.is_user == is_user => turn.parts.push(part),
            _ => self.turns.push(Turn {
                is_user,
                parts: vec![part],
            }),
        }
    }

    /// Whether the assistant's last turn has that call, and nobody has answered it yet.
    fn waits_for(&self, id: &str) -> bool {
        let answered = self.turns.last().filter(|it| it.is_user);
        let mut answered = answered.into_iter().flat_map(|it| &it.parts);
        let is_answered = answered.any(|it| is_result_of(it, id));
        !is_answered && self.calls_of_last_assistant().any(|call| call == id)
    }

    fn calls_of_last_assistant(&self) -> impl Iterator<Item = &str> {
        let last = self.turns.iter().rev().find(|it| !it.is_user);
        let parts = last.into_iter().flat_map(|it| &it.parts);
        parts.filter_map(|part| match &**part {
            Part::ToolCall(call) => Some(&*call.id),
            _ => None,
        })
    }

    /// Puts a result after every call that has none, at the very end too.
    fn answer_open_calls(&mut self) {
        let is_open = self.turns.last().is_some_and(|turn| {
            let calls = |it: &Cow<'_, Part<'_>>| matches!(**it, Part::ToolCall(_));
            !turn.is_user && turn.parts.iter().any(calls)
        });
        if is_open {
            self.turns.push(Turn {
                is_user: true,
                parts: Vec::new(),
            });
        }
        for at in 1..self.turns.len() {
            let Some([turn, next]) = self.turns.get_mut(at - 1..=at) else {
                return;
            };
            if turn.is_user {
                continue;
            }
            for part in &turn.parts {
                let Part::ToolCall(call) = &**part else {
                    continue;
                };
                let is_answered = next.parts.iter().any(|it| is_result_of(it, &call.id));
                if !is_answered {
                    next.parts.push(Cow::Owned(Part::ToolResult(ToolResult {
                        call: call.id.clone(),
                        name: Some(call.name.clone()),
                        parts: vec![Part::from(Cow::Borrowed(NO_RESULT))],
                        is_error: true,
                        cache: None,
                    })));
                }
            }
        }
    }

    /// Results first, in the order of their calls.
    fn order_results(&mut self) {
        let mut calls: Vec<String> = Vec::new();
        for turn in &mut self.turns {
            if turn.is_user {
                let place = |part: &Cow<'_, Part<'_>>| match &**part {
                    Part::ToolResult(result) => calls.iter().position(|it| *it == *result.call),
                    _ => None,
                };
                turn.parts.sort_by_key(|it| place(it).unwrap_or(usize::MAX));
                continue;
            }
            calls.clear();
            calls.extend(turn.parts.iter().filter_map(|part| match &**part {
                Part::ToolCall(call) => Some(call.id.to_string()),
                _ => None,
            }));
        }
    }
}

fn is_result_of(part: &Part<'_>, call: &str) -> bool {
    matches!(part, Part::ToolResult(result) if result.call == call)
}

/// What the user says where only the assistant, or nobody, does.
fn opening<'r, 'a>() -> Cow<'r, Part<'a>> {
    Cow::Owned(Part::from(Cow::Borrowed(OPENING)))
}

/// A result without a call, as words.
fn orphan<'r, 'a>(result: &ToolResult<'a>) -> Cow<'r, Part<'a>> {
    let texts = result.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&*text.text),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    Cow::Owned(Part::Text(Text {
        text: format!("[tool result]\n{}", texts.join("\n")).into(),
        cache: result.cache.clone(),
    }))
}

fn is_blank(part: &Part<'_>) -> bool {
    match part {
        Part::Text(text) => text.text.trim().is_empty(),
        Part::Refusal(text) => text.trim().is_empty(),
        _ => false,
    }
}
