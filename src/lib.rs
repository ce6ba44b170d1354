//! The gateway: one binary between programs and every language model they use.
//!
//! Start at [`pipeline`]: the data flow of a call on one page. Around it:
//! [`http`] is the edge, [`policy`] decides, [`upstream`] opens sockets,
//! [`credentials`] has the keys, [`snapshot`] is what is configured, [`app`] wires it all. Formats are in
//! `tollward-wire`, vendors in `tollward-providers`, keys and the ledger in
//! `tollward-store`, files in `tollward-config`, local inference in
//! `tollward-engine`. Invariants: `ARCHITECTURE.md`.

pub mod app;
pub mod assembly;
pub mod bill;
pub mod budgets;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod credentials;
pub mod detect;
pub mod http;
pub mod idempotency;
pub mod keyring;
pub mod limits;
pub mod pipeline;
pub mod policy;
pub mod recording;
pub mod registrar;
pub mod reload;
pub mod replay;
pub mod responses;
pub mod shelf;
pub mod shutdown;
pub mod snapshot;
pub mod task;
pub mod telemetry;
pub mod upstream;
pub mod weights;
