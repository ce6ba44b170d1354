//! How each vendor is addressed, signed and read. Pure: no sockets, no clock, no files.
//!
//! A [`Provider`] shapes a request for one vendor ([`Outbound`]) and reads its refusals
//! ([`Failure`]). It never sends anything: the gateway does, so that timeouts, retries
//! and address checks exist once. Vendors of the `OpenAI` family differ by data, not by
//! code: they are the rows of `compatible/rows.rs`. [`kinds`] lists them, [`build`] makes
//! one; the crate's `README.md` says how to add one.

mod account;
mod anthropic;
mod azure;
mod bedrock;
mod cohere;
mod compatible;
pub mod count;
mod credentials;
mod failure;
mod gemini;
pub mod headroom;
mod kind;
pub mod listing;
mod mistakes;
mod moment;
mod ollama;
mod provider;
mod registry;
mod settings;
pub mod shape;
mod vertex;

#[cfg(test)]
mod conformance;

pub use self::credentials::{
    Access, AwsBase, AwsIdentity, AwsKeys, AwsRole, AwsScope, Credential, EntraIdentity,
    GoogleIdentity, Key, MAX_CREDENTIALS, Origin, Unsigned,
};
pub use self::failure::{Failure, RetryAfter};
pub use self::kind::Kind;
pub use self::mistakes::mistakes;
pub use self::moment::http_date;
pub use self::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
pub use self::registry::{build, kind, kinds};
pub use self::settings::BuildError;
