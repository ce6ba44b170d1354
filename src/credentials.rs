//! Keys at work: which credential of a provider signs a call, and who fetches its key.
//!
//! - [`pool`]: the credentials of one provider, and which of them rests
//! - [`refresh`]: a key that expires, renewed ahead of time, by one fetch for all callers
//! - [`source`]: where such keys come from; the trait that a new kind of identity implements
//! - `aws`, `google`, `entra`: such identities; `oauth`, `jwt`: what the last two have in common
//! - [`fetcher`]: the only way from here to the network
//! - [`signer`]: one call's key, and the vendor's clock
//!
//! What a credential is and how a key signs is in `tollward-providers`; which credential is
//! chosen and how long one rests is decided in `policy/credential.rs`. Pools outlive a reload
//! as far as their credentials are still configured.

mod aws;
mod entra;
pub mod fetcher;
mod google;
mod jwt;
mod oauth;
pub mod pool;
pub mod refresh;
pub mod signer;
pub mod source;
