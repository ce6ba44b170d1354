-- Gateways that write to this database; to a file there is one, and its id is nil.
CREATE TABLE node (
    id           BLOB   NOT NULL PRIMARY KEY,
    epoch        BIGINT NOT NULL, -- counts its starts: what an older one still writes is refused
    host         TEXT   NOT NULL,
    segment      BIGINT NOT NULL, -- its journal is applied up to this segment
    offset_bytes BIGINT NOT NULL, -- and this offset in it
    seen_ms      BIGINT NOT NULL, -- its last sign of life
    left_ms      BIGINT           -- when it ended in good order
) WITHOUT ROWID;
INSERT INTO node (id, epoch, host, segment, offset_bytes, seen_ms)
SELECT zeroblob(16), 0, '', segment, offset_bytes, 0 FROM ledger_state;
ALTER TABLE ledger_state DROP COLUMN segment;
ALTER TABLE ledger_state DROP COLUMN offset_bytes;

-- What each gateway spent of a budget in one of its periods, and what it may spend of it without asking.
CREATE TABLE budget_part (
    budget       BLOB   NOT NULL,
    start_ms     BIGINT NOT NULL,
    subject      BIGINT NOT NULL, -- fingerprint of the end user, 0: of all
    node         BLOB   NOT NULL,
    spent_nano   BIGINT NOT NULL, -- a cache: the entries say the same, `verify` compares
    granted_nano BIGINT NOT NULL, -- in all, with what it has spent; of no account to who is alone
    PRIMARY KEY (budget, start_ms, subject, node)
) WITHOUT ROWID;
INSERT INTO budget_part (budget, start_ms, subject, node, spent_nano, granted_nano)
SELECT budget, start_ms, subject, zeroblob(16), spent_nano, 0 FROM budget_window;
DROP TABLE budget_window;
ALTER TABLE budget_part RENAME TO budget_window;

ALTER TABLE open_hold ADD COLUMN node BLOB NOT NULL DEFAULT X'00000000000000000000000000000000'; -- who sent it
