-- Organisations and teams: who keys belong to, and who holds budgets.
CREATE TABLE account (
    id         BLOB     NOT NULL PRIMARY KEY, -- UUID version 7
    kind       SMALLINT NOT NULL,             -- 0: organisation, 1: team
    parent     BLOB,                          -- a team's organisation
    name       TEXT     NOT NULL,
    created_ms BIGINT   NOT NULL,
    closed_ms  BIGINT
);
CREATE UNIQUE INDEX account_open_name ON account (kind, name) WHERE closed_ms IS NULL;

ALTER TABLE virtual_key ADD COLUMN account BLOB; -- NULL: of nobody

CREATE TABLE budget (
    id          BLOB     NOT NULL PRIMARY KEY, -- UUID version 7
    name        TEXT     NOT NULL,
    holder_kind SMALLINT NOT NULL,             -- 0: the gateway, 1: organisation, 2: team, 3: key
    holder      BLOB,                          -- NULL for the gateway
    limit_nano  BIGINT   NOT NULL CHECK (limit_nano >= 0),
    terms       TEXT     NOT NULL,             -- JSON: period, zone, scope, how it is held, what follows
    created_ms  BIGINT   NOT NULL,
    ended_ms    BIGINT
);
CREATE UNIQUE INDEX budget_active_name ON budget (name) WHERE ended_ms IS NULL;

-- What was charged to a budget in one of its periods. A cache: the entries say the same, `verify` compares.
CREATE TABLE budget_window (
    budget     BLOB   NOT NULL,
    start_ms   BIGINT NOT NULL,
    subject    BIGINT NOT NULL, -- fingerprint of the end user, 0: of all
    spent_nano BIGINT NOT NULL,
    PRIMARY KEY (budget, start_ms, subject)
) WITHOUT ROWID;

-- The windows that an entry was charged to; one set serves all calls of a key in a period.
CREATE TABLE charge_set (
    id    INTEGER NOT NULL PRIMARY KEY,
    block BLOB    NOT NULL UNIQUE
);
CREATE TABLE charge_window (
    charge_set BIGINT NOT NULL REFERENCES charge_set (id),
    budget     BLOB   NOT NULL,
    start_ms   BIGINT NOT NULL,
    subject    BIGINT NOT NULL,
    PRIMARY KEY (charge_set, budget, start_ms, subject)
) WITHOUT ROWID;

ALTER TABLE ledger_entry ADD COLUMN held_nano  BIGINT; -- what was reserved for it; NULL: nothing
ALTER TABLE ledger_entry ADD COLUMN charge_set BIGINT; -- where it was reserved and is charged
-- `verify` sums by this alone.
CREATE INDEX ledger_entry_charges ON ledger_entry (charge_set, cost_nano, held_nano) WHERE charge_set IS NOT NULL;

-- Attempts that were sent and have not ended, for whoever comes after a crash.
CREATE TABLE open_hold (
    request     BLOB     NOT NULL,
    attempt     BIGINT   NOT NULL,
    at_ms       BIGINT   NOT NULL,
    virtual_key BLOB,
    label       BIGINT   NOT NULL,
    streamed    SMALLINT NOT NULL,
    input       BIGINT   NOT NULL, -- tokens, estimated
    held_nano   BIGINT   NOT NULL,
    charge_set  BIGINT   NOT NULL,
    PRIMARY KEY (request, attempt)
) WITHOUT ROWID;

-- How fast the holder's calls may come.
CREATE TABLE rate_limit (
    holder_kind SMALLINT NOT NULL, -- as of budget
    holder      BLOB     NOT NULL, -- empty for the gateway
    terms       TEXT     NOT NULL, -- JSON
    PRIMARY KEY (holder_kind, holder)
) WITHOUT ROWID;
