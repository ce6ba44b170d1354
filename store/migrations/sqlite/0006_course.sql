-- Why a call went where it went; NULL: there is nothing to tell.
ALTER TABLE ledger_entry ADD COLUMN rule     TEXT;
ALTER TABLE ledger_entry ADD COLUMN tried    TEXT; -- deployment:what became of it, set apart by commas
ALTER TABLE ledger_entry ADD COLUMN decision TEXT; -- JSON: what routing saw of the request, for a replay
