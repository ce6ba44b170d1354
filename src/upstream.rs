//! Talking to upstreams: the only room that opens sockets to them.
//!
//! - [`address`]: which resolved addresses may be connected to
//! - [`client`]: the pooled HTTP client of the data path
//! - [`body`]: a [`Segments`](tollward_wire::segments::Segments) as a request body
//! - [`exchange`]: one attempt: send, wait for the head, read the answer or the first content
//! - [`failure`]: what is known of an attempt that failed
//! - [`trust`]: whose certificates are believed
//! - [`lanes`]: which of several pools carries a call
//! - `local`: the embedded engine behind the same exchange (feature `local`)
//!
//! What a failure means for the call is decided in `policy/retry.rs`.

pub mod address;
pub mod body;
pub mod client;
pub mod exchange;
pub mod failure;
pub mod lanes;
#[cfg(feature = "local")]
pub mod local;
#[cfg(not(feature = "local"))]
#[path = "upstream/local_absent.rs"]
pub mod local;
pub mod trust;
