-- What calls were answered whose callers named them by an idempotency key; narrow, because it is summed up.
CREATE TABLE answer (
    name        BLOB     NOT NULL PRIMARY KEY, -- of the virtual key, the operation and the caller's key
    fingerprint BLOB     NOT NULL,             -- of what was asked, under a secret
    virtual_key BLOB,                          -- NULL when the gateway was open
    request     BLOB     NOT NULL,             -- that was answered, UUID version 7
    created_ms  BIGINT   NOT NULL,
    expires_ms  BIGINT   NOT NULL,
    status      SMALLINT NOT NULL,
    cost_nano   BIGINT,                        -- NULL when no price was known
    bytes       BIGINT   NOT NULL              -- length of head and body
);
CREATE INDEX answer_expiry ON answer (expires_ms);

-- The answers themselves.
CREATE TABLE answer_content (
    name BLOB NOT NULL PRIMARY KEY REFERENCES answer (name) ON DELETE CASCADE,
    head BLOB NOT NULL, -- header lines
    body BLOB NOT NULL
);

-- What a call would have cost that was given an answer of an earlier one; NULL: it was not, or nobody knows.
ALTER TABLE ledger_entry ADD COLUMN saved_nano BIGINT;
