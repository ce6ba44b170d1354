//! The bill: what was used and what it cost, in the shape that those who pay know.
//!
//! Everything here is read from the rollups of the ledger, never call by call, and every amount is
//! written from integer nano-dollars. `asked` reads a question in the words of `OpenAI`'s usage
//! API, `page` answers it, `reports` asks the store; `focus` writes charges for cost tools; `vendor`
//! reads a vendor's bill, `drift` holds it against ours. Who may ask is for `http/organization` to say.

pub mod asked;
pub mod csv;
pub mod drift;
pub mod focus;
pub mod kind;
pub mod owners;
pub mod page;
pub mod reports;
pub mod vendor;

#[cfg(test)]
mod tests;
