//! How each vendor is addressed, signed and read. No I/O.
