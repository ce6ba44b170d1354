//! Black-box tests: the real binary between a raw client and a scripted upstream.
//!
//! One integration binary, one link step. Every test starts its own gateway on
//! free ports with its own state, so all of them may run at once. Comments such as
//! `// U-33` name the fault of docs/faults.md that a test is about.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests measure real time and run their own tasks"
)]
#![expect(clippy::float_cmp, reason = "metrics count in whole numbers")]

mod admin;
mod async_openai;
mod auth;
mod aws;
mod bodies;
mod bounds;
mod budgets;
mod cache;
mod chaos;
mod chat;
mod coding;
mod config;
mod connecting;
mod cost;
mod credentials;
mod disconnect;
mod doctor;
mod embeddings;
mod endings;
mod explain;
mod fallback;
mod gemini;
mod guards;
mod headers;
mod hedging;
mod http2;
mod idempotency;
mod identities;
mod invoke;
mod keep_alive;
mod ledger;
mod limits;
mod matrix;
mod media;
mod messages;
mod metrics;
mod models_list;
mod oddities;
mod ollama;
mod organization;
mod overrun;
mod passthrough;
mod priority;
mod probing;
mod realtime;
mod reload;
mod replay;
mod replicas;
mod rerank;
mod responses;
mod responses_bridge;
mod responses_native;
mod responses_state;
mod routing;
mod sealed;
mod shutdown;
mod strain;
mod stream;
mod support;
mod timeouts;
mod tls;
mod tokens;
mod translated;
mod transport;
