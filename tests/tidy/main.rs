//! The house rules that a machine can check; see CONTRIBUTING.md.
//!
//! Plain `std` on purpose: nothing of ours is linked, so `just tidy` answers in
//! a second. Every rule reports `file:line` and every rule can fail: a rule
//! that finds nothing to look at is itself a failure.
//! Not here: what clippy and rustfmt already check (clippy.toml, rustfmt.toml).

mod blank;
mod crates;
mod documents;
mod faults;
mod files;
mod rust;
mod traps;
