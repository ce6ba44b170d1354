//! Whole answers for a caller, and the items that a store keeps of any answer.

use bytes::Bytes;

use super::namespace::Namespaces;
use super::output::{
    Call, annotation, cipher, is_plain, item_id, message, reasoning, refusal_part, status,
    text_part,
};
use super::response::{Frame, Outcome};
use crate::chat::packed::pack_call;
use crate::chat::seal::Seal;
use crate::chat::{Block, Choice, Collected, Finish};
use crate::dialect::Echo;
use crate::json::Json;

/// Writes a caller's whole answer.
pub(crate) fn write_answer(answer: &Collected, echo: &Echo<'_>) -> Bytes {
    let frame = Frame::new(echo);
    let mut output = Vec::new();
    let shown = Shown {
        id: echo.id,
        cipher: frame.shows_cipher,
        seal: echo.seal,
        namespaces: &frame.namespaces,
    };
    for (at, item) in items(answer, shown).iter().enumerate() {
        if at > 0 {
            output.push(b',');
        }
        item.write(&mut output);
    }
    let finish = answer.choices.get(&0).and_then(|it| it.finish.as_ref());
    let outcome = Outcome {
        usage: answer.usage.as_ref(),
        ..Outcome::of(finish.unwrap_or(&Finish::Stop))
    };
    let mut body = Vec::new();
    frame.write(&outcome, &output, &mut body);
    body.into()
}

/// The items of an answer as they are to be stored: nothing that a next turn needs is left out.
///
/// The items' ids are those that the caller of the same `echo` saw.
pub fn output_items(answer: &Collected, echo: &Echo<'_>) -> Json<'static> {
    let shown = Shown {
        id: echo.id,
        cipher: true,
        seal: echo.seal,
        namespaces: &Namespaces::of(echo.request),
    };
    Json::Array(items(answer, shown))
}

/// How items are shown.
#[derive(Clone, Copy)]
struct Shown<'s> {
    /// The word that is unique to the answer.
    id: &'s str,
    /// With what is in cipher.
    cipher: bool,
    seal: &'s Seal,
    namespaces: &'s Namespaces,
}

fn items(answer: &Collected, shown: Shown<'_>) -> Vec<Json<'static>> {
    let nothing = Choice::default();
    let choice = answer.choices.get(&0).unwrap_or(&nothing);
    let mut list = List {
        shown,
        texts: Texts::of(choice),
        items: Vec::new(),
        content: Vec::new(),
    };
    let finish = choice.finish.as_ref().unwrap_or(&Finish::Stop);
    let is_cut = Outcome::of(finish).incomplete.is_some();
    let mut blocks = choice.blocks.iter().filter(|it| !is_blank(it)).peekable();
    while let Some(block) = blocks.next() {
        list.block(block, is_cut && blocks.peek().is_none());
    }
    if let (Finish::Refusal(Some(why)), None) = (finish, choice.refusal()) {
        list.content.push(refusal_part(why).into());
    }
    list.end_message(is_cut);
    list.items
}

/// A block of which no item is made.
fn is_blank(block: &Block) -> bool {
    match block {
        Block::Text(text) => text.trim().is_empty(),
        Block::Refusal(text) => text.is_empty(),
        Block::Thought(thought) => thought.text.is_empty() && is_plain(thought),
        Block::Call { .. } => false,
    }
}

/// Items in the making.
struct List<'c> {
    shown: Shown<'c>,
    texts: Texts<'c>,
    items: Vec<Json<'static>>,
    /// The parts of the message that is open.
    content: Vec<Json<'c>>,
}

impl<'c> List<'c> {
    fn block(&mut self, block: &'c Block, is_cut: bool) {
        match block {
            Block::Text(text) => {
                let part = self.texts.next(text);
                self.content.push(part);
            }
            Block::Refusal(text) => self.content.push(refusal_part(text).into()),
            Block::Thought(thought) => {
                self.end_message(false);
                let cipher = cipher(thought, self.shown.seal);
                // A thought with a proof is whole, whatever came of the rest.
                let is_cut = is_cut && cipher.is_none();
                self.thought(&thought.text, cipher.as_deref(), is_cut);
            }
            Block::Call {
                id,
                name,
                arguments,
                kind,
                signature,
                ..
            } => {
                self.end_message(false);
                if let Some(signature) = signature {
                    let proof = pack_call(id, signature, self.shown.seal);
                    self.thought("", Some(&proof), false);
                }
                let (namespace, name) = self.shown.namespaces.split(name);
                let call = Call {
                    kind: *kind,
                    id,
                    namespace,
                    name,
                    arguments,
                };
                let id = self.next_id(Call::prefix(*kind));
                let item = call.item(&id, status(is_cut));
                self.items.push(Json::from(item).into_owned());
            }
        }
    }

    fn thought(&mut self, text: &str, cipher: Option<&str>, is_cut: bool) {
        let id = self.next_id("rs");
        let cipher = cipher.filter(|_| self.shown.cipher);
        let item = reasoning(&id, status(is_cut), text, cipher);
        self.items.push(Json::from(item).into_owned());
    }

    fn end_message(&mut self, is_cut: bool) {
        let content = std::mem::take(&mut self.content);
        if !content.is_empty() {
            let id = self.next_id("msg");
            let item = message(&id, status(is_cut), content);
            self.items.push(Json::from(item).into_owned());
        }
    }

    fn next_id(&self, kind: &str) -> String {
        item_id(kind, self.shown.id, self.items.len() as u64)
    }
}

/// The texts of an answer, and which citations belong to which.
struct Texts<'c> {
    /// Where each begins, in characters of the whole answer.
    starts: Vec<u64>,
    at: usize,
    choice: &'c Choice,
}

impl<'c> Texts<'c> {
    fn of(choice: &'c Choice) -> Self {
        let mut starts = Vec::new();
        let mut characters = 0;
        for block in &choice.blocks {
            if let Block::Text(text) = block {
                if !is_blank(block) {
                    starts.push(characters);
                }
                characters += text.chars().count() as u64;
            }
        }
        Self {
            starts,
            at: 0,
            choice,
        }
    }

    /// The part of the next text, which is `text`.
    fn next(&mut self, text: &'c str) -> Json<'c> {
        let is_first = self.at == 0;
        let start = self.starts.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        let end = self.starts.get(self.at).copied();
        let is_here = |it: &&Json<'static>| {
            let inner = it.get("url_citation");
            let at = inner.and_then(|it| it.get("start_index")?.as_u64());
            let at = at.unwrap_or(u64::MAX);
            (is_first || at >= start) && end.is_none_or(|end| at < end)
        };
        let annotations = self.choice.annotations.iter().filter(is_here);
        let annotations: Vec<Json<'_>> = annotations.map(|it| annotation(it, start)).collect();
        let logprobs: &[Json<'_>] = if is_first { &self.choice.logprobs } else { &[] };
        text_part(text, &annotations, logprobs).into()
    }
}
