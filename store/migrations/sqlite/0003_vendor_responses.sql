-- Responses that their vendor keeps: nothing of their words is here.
CREATE TABLE vendor_response (
    id          TEXT   NOT NULL PRIMARY KEY, -- the vendor's
    virtual_key BLOB,                        -- NULL when the gateway was open
    deployment  TEXT   NOT NULL,             -- who answered
    expires_ms  BIGINT NOT NULL
);
CREATE INDEX vendor_response_expiry ON vendor_response (expires_ms);

-- The items of their answers, which a request may name one by one.
CREATE TABLE vendor_item (
    id       TEXT NOT NULL PRIMARY KEY, -- the vendor's
    response TEXT NOT NULL REFERENCES vendor_response (id) ON DELETE CASCADE
);
CREATE INDEX vendor_item_response ON vendor_item (response);
