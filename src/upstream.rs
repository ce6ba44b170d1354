//! Talking to upstreams: the only room that opens sockets to them.
//!
//! - [`address`]: which resolved addresses may be connected to
//! - [`client`]: the pooled HTTP client of the data path; `resolver`, `names`: where hosts are, and were
//! - [`body`], [`upload`], [`coding`]: a request body and what follows it; an answer that comes compressed
//! - [`sender`]: a vendor's request, signed and sent
//! - [`exchange`]: one attempt: send, wait for the head, read the answer or the first content
//! - [`count`], [`inquiry`]: how many tokens a call has; which models an account has, and whether its key is good
//! - `refusal`, [`failure`], [`health`], [`affinity`]: a vendor's no, an attempt that failed, how a deployment is, and
//!   which conversations it has in its cache; what follows is up to `policy/`
//! - [`trust`], [`lanes`]: whose certificates are believed; which of several pools carries a call
//! - `local`: the embedded engine behind the same exchange (feature `local`)

pub mod address;
pub mod affinity;
pub mod body;
pub mod client;
pub mod coding;
pub mod count;
pub mod exchange;
pub mod failure;
pub mod health;
pub mod inquiry;
pub mod lanes;
#[cfg(feature = "local")]
pub mod local;
#[cfg(not(feature = "local"))]
#[path = "upstream/local_absent.rs"]
pub mod local;
mod names;
mod refusal;
mod resolver;
pub mod sender;
pub mod trust;
pub mod upload;
