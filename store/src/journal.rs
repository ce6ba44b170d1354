//! The ledger's journal: the durable half of `record`.

pub(crate) mod codec;
