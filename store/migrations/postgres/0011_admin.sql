-- Who may look at what is governed and change it.
CREATE TABLE admin_token (
    id         BYTEA    NOT NULL PRIMARY KEY, -- UUID version 7
    name       TEXT     NOT NULL,
    hash       BYTEA    NOT NULL,             -- HMAC-SHA256 under the pepper file
    hint       TEXT     NOT NULL,
    role       SMALLINT NOT NULL,             -- 0: viewer, 1: member, 2: admin, 3: owner
    reach_kind SMALLINT NOT NULL,             -- 0: the gateway, 1: organisation, 2: team
    reach      BYTEA,                         -- NULL for the gateway
    created_ms BIGINT   NOT NULL,
    expires_ms BIGINT,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX admin_token_hash ON admin_token (hash);
CREATE UNIQUE INDEX admin_token_active_name ON admin_token (name) WHERE revoked_ms IS NULL;

-- What was to be changed, written before it was; rows are only ever added.
CREATE TABLE audit_change (
    id           BYTEA    NOT NULL PRIMARY KEY, -- UUID version 7
    at_ms        BIGINT   NOT NULL,
    author_kind  SMALLINT NOT NULL,             -- 0: a command, 1: a token
    author_id    BYTEA,
    author       TEXT     NOT NULL,
    origin       TEXT     NOT NULL,             -- address of the caller, or `cli`
    action       TEXT     NOT NULL,
    target       TEXT     NOT NULL,
    organization BYTEA,
    team         BYTEA,
    before_json  TEXT
);
CREATE INDEX audit_change_organization ON audit_change (organization, id);
CREATE INDEX audit_change_team ON audit_change (team, id);

-- What became of it.
CREATE TABLE audit_ending (
    id         BYTEA NOT NULL PRIMARY KEY,
    target     TEXT,
    after_json TEXT,
    failure    TEXT -- NULL: it was made
);
