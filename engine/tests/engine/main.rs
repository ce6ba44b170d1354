//! The engine from outside: tiny models made here, and real ones when the environment
//! names them (`TOLLWARD_TEST_MODEL`, `TOLLWARD_TEST_GEMMA`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod loading;
mod oracle;
mod real;
mod serving;
mod support;
mod tiny;
