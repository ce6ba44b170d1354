-- Types are the portable ones: BIGINT milliseconds and nano-dollars, SMALLINT booleans and codes.

CREATE TABLE virtual_key (
    id             BLOB   NOT NULL PRIMARY KEY, -- UUID version 7
    name           TEXT   NOT NULL,
    hash           BLOB   NOT NULL,             -- HMAC-SHA256 under the pepper file
    hint           TEXT   NOT NULL,
    allowed_models TEXT   NOT NULL,             -- JSON array of patterns
    created_ms     BIGINT NOT NULL,
    expires_ms     BIGINT,
    revoked_ms     BIGINT
);
CREATE UNIQUE INDEX virtual_key_hash ON virtual_key (hash);
CREATE UNIQUE INDEX virtual_key_active_name ON virtual_key (name) WHERE revoked_ms IS NULL;

CREATE TABLE key_state (
    id           SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version      BIGINT   NOT NULL, -- grows with every change of virtual_key
    pepper_check BLOB               -- tells whether the pepper file is the right one
);
INSERT INTO key_state (id, version) VALUES (1, 0);

-- The texts that repeat from entry to entry.
CREATE TABLE ledger_label (
    id             INTEGER NOT NULL PRIMARY KEY,
    operation      TEXT    NOT NULL,
    model          TEXT    NOT NULL,
    provider       TEXT    NOT NULL,
    deployment     TEXT    NOT NULL,
    upstream_model TEXT    NOT NULL,
    price_id       TEXT    NOT NULL, -- empty when no price was applied
    UNIQUE (model, deployment, upstream_model, price_id, operation, provider)
);

-- The key is ordered by time because request ids are; it serves time ranges, no other index is needed.
CREATE TABLE ledger_entry (
    request          BLOB     NOT NULL,
    attempt          BIGINT   NOT NULL,
    at_ms            BIGINT   NOT NULL,
    virtual_key      BLOB,
    label            BIGINT   NOT NULL,
    status           SMALLINT NOT NULL,
    outcome          SMALLINT NOT NULL,
    is_error         SMALLINT NOT NULL,
    streamed         SMALLINT NOT NULL,
    input            BIGINT   NOT NULL,
    cache_read       BIGINT   NOT NULL,
    cache_write      BIGINT   NOT NULL,
    audio_input      BIGINT   NOT NULL,
    output           BIGINT   NOT NULL,
    reasoning        BIGINT   NOT NULL,
    audio_output     BIGINT   NOT NULL,
    cost_nano        BIGINT,
    cost_source      SMALLINT NOT NULL,
    estimated        SMALLINT NOT NULL,
    attempts         BIGINT   NOT NULL,
    first_content_ms BIGINT,
    duration_ms      BIGINT   NOT NULL,
    PRIMARY KEY (request, attempt)
) WITHOUT ROWID;

CREATE TABLE ledger_state (
    id      SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    segment BIGINT   NOT NULL, -- the journal is applied up to this segment
    offset_bytes BIGINT NOT NULL, -- and this offset in it
    skew_ms BIGINT   NOT NULL  -- widest distance between an entry's end and the time in its request id
);
INSERT INTO ledger_state (id, segment, offset_bytes, skew_ms) VALUES (1, 0, 0, 0);
