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
    // What is no Unicode cannot be a key or an address, and is treated as such where it is looked for.
    let text = |it: std::ffi::OsString| it.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    tollward::cli::run(Cli::parse(), variables.collect())
}
