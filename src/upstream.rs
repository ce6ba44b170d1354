//! Talking to upstreams: the only room that opens sockets to them.
//!
//! - [`address`]: which resolved addresses may be connected to
//! - [`client`]: the pooled HTTP client of the data path
//! - [`body`]: a request body: [`Segments`](tollward_wire::segments::Segments), and an [`upload`] behind them
//! - [`sender`]: a vendor's request, signed and sent
//! - [`exchange`]: one attempt: send, wait for the head, read the answer or the first content
//! - [`count`], [`inquiry`]: how many tokens a call has; which models an account has, and whether its key is good
//! - `refusal`, [`failure`]: a vendor's no, and any attempt that failed; what follows is up to `policy/retry.rs`
//! - [`trust`]: whose certificates are believed
//! - [`lanes`]: which of several pools carries a call
//! - `local`: the embedded engine behind the same exchange (feature `local`)

pub mod address;
pub mod body;
pub mod client;
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
mod refusal;
pub mod sender;
pub mod trust;
pub mod upload;
