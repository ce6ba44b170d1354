//! Tollward.
pub mod weights;
