-- What is counted besides tokens, and which of a provider's credentials signed; NULL: nothing of the kind.
ALTER TABLE ledger_entry ADD COLUMN images     BIGINT;
ALTER TABLE ledger_entry ADD COLUMN input_ms   BIGINT; -- sound sent
ALTER TABLE ledger_entry ADD COLUMN characters BIGINT; -- spoken
ALTER TABLE ledger_entry ADD COLUMN credential TEXT;
