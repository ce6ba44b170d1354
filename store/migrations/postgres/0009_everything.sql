-- All that the migrations 1 to 9 of SQLite made; from here on each has a twin there of the same number.
-- Money is nano-dollars, times are milliseconds since 1970, ids are the 16 bytes of a UUID version 7.

CREATE TABLE virtual_key (
    id             BYTEA  NOT NULL PRIMARY KEY,
    name           TEXT   NOT NULL,
    hash           BYTEA  NOT NULL, -- HMAC-SHA256 under the pepper
    hint           TEXT   NOT NULL,
    allowed_models TEXT   NOT NULL, -- JSON array of patterns
    created_ms     BIGINT NOT NULL,
    expires_ms     BIGINT,
    revoked_ms     BIGINT,
    account        BYTEA            -- NULL: of nobody
);
CREATE UNIQUE INDEX virtual_key_hash ON virtual_key (hash);
CREATE UNIQUE INDEX virtual_key_active_name ON virtual_key (name) WHERE revoked_ms IS NULL;

CREATE TABLE key_state (
    id           SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version      BIGINT   NOT NULL, -- grows with every change of keys, accounts and budgets
    pepper_check BYTEA              -- tells whether a gateway's pepper is the right one
);
INSERT INTO key_state (id, version) VALUES (1, 0);

-- Gateways that write to this database.
CREATE TABLE node (
    id           BYTEA  NOT NULL PRIMARY KEY,
    epoch        BIGINT NOT NULL, -- counts its starts: what an older one still writes is refused
    host         TEXT   NOT NULL,
    segment      BIGINT NOT NULL, -- its journal is applied up to this segment
    offset_bytes BIGINT NOT NULL, -- and this offset in it
    seen_ms      BIGINT NOT NULL, -- its last sign of life
    left_ms      BIGINT           -- when it ended in good order
);

-- The texts that repeat from entry to entry.
CREATE TABLE ledger_label (
    id             BIGINT NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    operation      TEXT   NOT NULL,
    model          TEXT   NOT NULL,
    provider       TEXT   NOT NULL,
    deployment     TEXT   NOT NULL,
    upstream_model TEXT   NOT NULL,
    price_id       TEXT   NOT NULL, -- empty when no price was applied
    UNIQUE (model, deployment, upstream_model, price_id, operation, provider)
);

-- The windows that an entry was charged to; one set serves all calls of a key in a period.
CREATE TABLE charge_set (
    id    BIGINT NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    block BYTEA  NOT NULL UNIQUE
);
CREATE TABLE charge_window (
    charge_set BIGINT NOT NULL REFERENCES charge_set (id),
    budget     BYTEA  NOT NULL,
    start_ms   BIGINT NOT NULL,
    subject    BIGINT NOT NULL,
    PRIMARY KEY (charge_set, budget, start_ms, subject)
);

-- The key is ordered by time because request ids are; it serves time ranges.
CREATE TABLE ledger_entry (
    request          BYTEA    NOT NULL,
    attempt          BIGINT   NOT NULL,
    at_ms            BIGINT   NOT NULL,
    virtual_key      BYTEA,
    label            BIGINT   NOT NULL,
    status           INTEGER  NOT NULL,
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
    images           BIGINT,
    input_ms         BIGINT,
    characters       BIGINT,
    credential       TEXT,
    rule             TEXT,
    tried            TEXT,
    decision         TEXT,
    held_nano        BIGINT, -- what was reserved for it; NULL: nothing
    charge_set       BIGINT, -- where it was reserved and is charged
    saved_nano       BIGINT, -- what it would have cost that was given an earlier answer
    PRIMARY KEY (request, attempt)
);
CREATE INDEX ledger_entry_charges ON ledger_entry (charge_set, cost_nano, held_nano) WHERE charge_set IS NOT NULL;

CREATE TABLE ledger_state (
    id      SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
    skew_ms BIGINT   NOT NULL -- widest distance between an entry's end and the time in its request id
);
INSERT INTO ledger_state (id, skew_ms) VALUES (1, 0);

-- Attempts that were sent and have not ended, for whoever comes after a crash.
CREATE TABLE open_hold (
    request     BYTEA    NOT NULL,
    attempt     BIGINT   NOT NULL,
    at_ms       BIGINT   NOT NULL,
    virtual_key BYTEA,
    label       BIGINT   NOT NULL,
    streamed    SMALLINT NOT NULL,
    input       BIGINT   NOT NULL, -- tokens, estimated
    held_nano   BIGINT   NOT NULL,
    charge_set  BIGINT   NOT NULL,
    node        BYTEA    NOT NULL, -- who sent it
    PRIMARY KEY (request, attempt)
);

-- Organisations and teams: who keys belong to, and who holds budgets.
CREATE TABLE account (
    id         BYTEA    NOT NULL PRIMARY KEY,
    kind       SMALLINT NOT NULL, -- 0: organisation, 1: team
    parent     BYTEA,             -- a team's organisation
    name       TEXT     NOT NULL,
    created_ms BIGINT   NOT NULL,
    closed_ms  BIGINT
);
CREATE UNIQUE INDEX account_open_name ON account (kind, name) WHERE closed_ms IS NULL;

CREATE TABLE budget (
    id          BYTEA    NOT NULL PRIMARY KEY,
    name        TEXT     NOT NULL,
    holder_kind SMALLINT NOT NULL, -- 0: the gateway, 1: organisation, 2: team, 3: key
    holder      BYTEA,             -- NULL for the gateway
    limit_nano  BIGINT   NOT NULL CHECK (limit_nano >= 0),
    terms       TEXT     NOT NULL, -- JSON: period, zone, scope, how it is held, what follows
    created_ms  BIGINT   NOT NULL,
    ended_ms    BIGINT
);
CREATE UNIQUE INDEX budget_active_name ON budget (name) WHERE ended_ms IS NULL;

-- What each gateway spent of a budget in one of its periods, and what it may spend of it without asking.
CREATE TABLE budget_window (
    budget       BYTEA  NOT NULL,
    start_ms     BIGINT NOT NULL,
    subject      BIGINT NOT NULL, -- fingerprint of the end user, 0: of all
    node         BYTEA  NOT NULL,
    spent_nano   BIGINT NOT NULL, -- a cache: the entries say the same, `verify` compares
    granted_nano BIGINT NOT NULL, -- in all, with what it has spent
    PRIMARY KEY (budget, start_ms, subject, node)
);

-- How fast the holder's calls may come.
CREATE TABLE rate_limit (
    holder_kind SMALLINT NOT NULL, -- as of budget
    holder      BYTEA    NOT NULL, -- empty for the gateway
    terms       TEXT     NOT NULL, -- JSON
    PRIMARY KEY (holder_kind, holder)
);

-- What goes on from what, and until when; small, because a new turn moves the expiry of all before it.
CREATE TABLE response (
    id           BYTEA  NOT NULL PRIMARY KEY, -- of the request that was answered
    virtual_key  BYTEA,                       -- NULL when the gateway was open
    previous     BYTEA,                       -- the response that this one goes on from
    model        TEXT   NOT NULL,
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL,
    turn_bytes   BIGINT NOT NULL,             -- length of input and output
    object_bytes BIGINT NOT NULL
);
CREATE INDEX response_expiry ON response (expires_ms);
CREATE INDEX response_holder ON response (virtual_key, created_ms, id, turn_bytes, object_bytes);
CREATE TABLE response_content (
    id     BYTEA NOT NULL PRIMARY KEY REFERENCES response (id) ON DELETE CASCADE,
    input  BYTEA NOT NULL, -- array of items
    output BYTEA NOT NULL, -- array of items
    object BYTEA NOT NULL  -- as its caller got it
);

-- Responses that their vendor keeps, with the items that a request may name one by one.
CREATE TABLE vendor_response (
    id          TEXT   NOT NULL PRIMARY KEY, -- the vendor's
    virtual_key BYTEA,                       -- NULL when the gateway was open
    deployment  TEXT   NOT NULL,             -- who answered
    expires_ms  BIGINT NOT NULL
);
CREATE INDEX vendor_response_expiry ON vendor_response (expires_ms);
CREATE TABLE vendor_item (
    id       TEXT NOT NULL PRIMARY KEY, -- the vendor's
    response TEXT NOT NULL REFERENCES vendor_response (id) ON DELETE CASCADE
);
CREATE INDEX vendor_item_response ON vendor_item (response);

-- What calls were answered whose callers named them by an idempotency key; narrow, because it is summed up.
CREATE TABLE answer (
    name        BYTEA    NOT NULL PRIMARY KEY, -- of the virtual key, the operation and the caller's key
    fingerprint BYTEA    NOT NULL,             -- of what was asked, under a secret
    virtual_key BYTEA,                         -- NULL when the gateway was open
    request     BYTEA    NOT NULL,             -- that was answered
    created_ms  BIGINT   NOT NULL,
    expires_ms  BIGINT   NOT NULL,
    status      INTEGER  NOT NULL,
    cost_nano   BIGINT,                        -- NULL when no price was known
    bytes       BIGINT   NOT NULL              -- length of head and body
);
CREATE INDEX answer_expiry ON answer (expires_ms);
CREATE TABLE answer_content (
    name BYTEA NOT NULL PRIMARY KEY REFERENCES answer (name) ON DELETE CASCADE,
    head BYTEA NOT NULL, -- header lines
    body BYTEA NOT NULL
);
