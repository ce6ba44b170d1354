-- Entries summed up by the hour, so that no report reads all of them. A cache: the entries say the same, `verify` compares.
CREATE TABLE ledger_hour (
    hour                BIGINT NOT NULL, -- since 1970
    virtual_key         BLOB   NOT NULL, -- empty: the gateway was open
    label               BIGINT NOT NULL,
    requests            BIGINT NOT NULL, -- whose lowest attempt is here
    provider_requests   BIGINT NOT NULL, -- whose lowest attempt at the provider is here
    deployment_requests BIGINT NOT NULL, -- whose lowest attempt at the deployment is here
    attempts            BIGINT NOT NULL,
    errors              BIGINT NOT NULL,
    unpriced            BIGINT NOT NULL,
    estimated           BIGINT NOT NULL,
    input               BIGINT NOT NULL,
    cache_read          BIGINT NOT NULL,
    cache_write         BIGINT NOT NULL,
    audio_input         BIGINT NOT NULL,
    output              BIGINT NOT NULL,
    reasoning           BIGINT NOT NULL,
    audio_output        BIGINT NOT NULL,
    images              BIGINT NOT NULL,
    input_ms            BIGINT NOT NULL,
    characters          BIGINT NOT NULL,
    cost_nano           BIGINT NOT NULL,
    saved_nano          BIGINT NOT NULL,
    PRIMARY KEY (hour, virtual_key, label)
) WITHOUT ROWID;

-- A cost beyond a million dollars is somebody's mistake, and must not keep the sums from being made.
INSERT INTO ledger_hour
SELECT e.at_ms / 3600000, COALESCE(e.virtual_key, CAST('' AS BLOB)), e.label,
       CAST(SUM(CASE WHEN NOT EXISTS (
           SELECT 1 FROM ledger_entry o WHERE o.request = e.request AND o.attempt < e.attempt
       ) THEN 1 ELSE 0 END) AS BIGINT),
       CAST(SUM(CASE WHEN NOT EXISTS (
           SELECT 1 FROM ledger_entry o JOIN ledger_label k ON k.id = o.label
           WHERE o.request = e.request AND o.attempt < e.attempt AND k.provider = l.provider
       ) THEN 1 ELSE 0 END) AS BIGINT),
       CAST(SUM(CASE WHEN NOT EXISTS (
           SELECT 1 FROM ledger_entry o JOIN ledger_label k ON k.id = o.label
           WHERE o.request = e.request AND o.attempt < e.attempt AND k.deployment = l.deployment
       ) THEN 1 ELSE 0 END) AS BIGINT),
       COUNT(*), SUM(e.is_error), COUNT(*) - COUNT(e.cost_nano), SUM(e.estimated),
       SUM(e.input), SUM(e.cache_read), SUM(e.cache_write), SUM(e.audio_input),
       SUM(e.output), SUM(e.reasoning), SUM(e.audio_output),
       COALESCE(SUM(e.images), 0), COALESCE(SUM(e.input_ms), 0), COALESCE(SUM(e.characters), 0),
       SUM(MAX(MIN(COALESCE(e.cost_nano, 0), 1000000000000000), -1000000000000000)), SUM(MAX(MIN(COALESCE(e.saved_nano, 0), 1000000000000000), -1000000000000000))
FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
GROUP BY 1, 2, 3;
