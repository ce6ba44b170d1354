//! Tollward.
