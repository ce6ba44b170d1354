//! Wire formats of language-model APIs. No I/O, no clock, no vendor addresses.
//!
//! A request is bytes plus an index ([`document`]); an edit replaces spans and
//! leaves every other byte alone. A body is a list of slices ([`segments`]). A
//! streamed answer is read by a state machine that is fed chunks cut at any byte
//! ([`reader`], over [`sse`]; AWS has its own [`eventstream`]); a whole answer is read by [`answer`]. Which of the two a
//! mislabelled one is, its [`opening`] says. Chats meet in [`chat`], embeddings in [`embed`], rankings in [`rerank`]. What both find is stated as [`usage`], [`fault`] and [`error_body`].
//!
//! Where a request goes and how it is signed is the business of `tollward-providers`.

pub mod answer;
pub mod chat;
pub mod conversation;
pub mod dialect;
pub mod document;
pub mod embed;
pub mod error_body;
pub mod eventstream;
pub mod fault;
pub mod form;
pub mod json;
pub mod media;
pub mod opening;
pub mod operation;
pub mod reader;
pub mod realtime;
pub mod rerank;
pub mod segments;
pub mod sse;
pub mod translate;
pub mod usage;
pub mod view;

mod facts;
mod skim;
mod walk;
