//! The `tollward` binary: parse arguments, run, say what went wrong.

use std::process::ExitCode;

use clap::Parser;
use tollward::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, once"
)]
fn main() -> ExitCode {
    tollward::cli::run(Cli::parse(), std::env::vars().collect())
}
