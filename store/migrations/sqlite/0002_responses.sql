-- What goes on from what, and until when; small, because a new turn moves the expiry of all before it.
CREATE TABLE response (
    id          BLOB   NOT NULL PRIMARY KEY, -- of the request that was answered, UUID version 7
    virtual_key BLOB,                        -- NULL when the gateway was open
    previous    BLOB,                        -- the response that this one goes on from
    model       TEXT   NOT NULL,
    created_ms  BIGINT NOT NULL,
    expires_ms  BIGINT NOT NULL,
    turn_bytes  BIGINT NOT NULL              -- length of input and output
);
CREATE INDEX response_expiry ON response (expires_ms);

-- The words themselves, as JSON.
CREATE TABLE response_content (
    id     BLOB NOT NULL PRIMARY KEY REFERENCES response (id) ON DELETE CASCADE,
    input  BLOB NOT NULL, -- array of items
    output BLOB NOT NULL, -- array of items
    object BLOB NOT NULL  -- as its caller got it
);
