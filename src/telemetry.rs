//! What operators see: metrics, the access log, the event log.
//!
//! - [`metric`]: every metric's name, in one table
//! - [`access`]: one JSON line per call, written off the data path
//! - [`log`]: the event log's format and filter
//! - [`outlet`]: the buffer between whoever logs and a writer that may be stuck
//!
//! Prompts, completions, keys and full headers are never written anywhere.

pub mod access;
pub mod log;
pub mod metric;
pub mod outlet;
