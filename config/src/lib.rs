//! What people write: files and environment to validated values, all errors at once.
