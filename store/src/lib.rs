//! What must outlive a request: virtual keys and the ledger.
