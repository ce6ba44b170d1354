-- All that a response takes up besides its turn, to bound what a key holds.
ALTER TABLE response ADD COLUMN object_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE response
SET object_bytes = (SELECT LENGTH(object) FROM response_content WHERE response_content.id = response.id);
-- What each key holds is summed from this alone.
CREATE INDEX response_holder ON response (virtual_key, created_ms, id, turn_bytes, object_bytes);
