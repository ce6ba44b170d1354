//! Wire formats of language-model APIs: documents, server-sent events, usage, faults. No I/O.
