//! The gateway's decisions in virtual time: clients, deployments and what befalls them, by seeds.
//!
//! [`world`] plays what happens with the same code that decides in the gateway. The figures of
//! docs/simulation.md are in [`figures`].
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::unchecked_time_subtraction,
    reason = "tests"
)]

mod chance;
mod conversations;
mod drill;
mod figures;
mod plot;
mod properties;
mod replay;
mod rows;
mod site;
mod steady;
mod tally;
mod week;
mod world;
