//! Tollward.
pub mod cli;
pub mod weights;
