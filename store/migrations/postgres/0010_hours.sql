-- Entries summed up by the hour, so that no report reads all of them. A cache: the entries say the same, `verify` compares.
CREATE TABLE ledger_hour (
    hour                BIGINT NOT NULL, -- since 1970
    virtual_key         BYTEA  NOT NULL, -- empty: the gateway was open
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
);

-- A cost beyond a million dollars is somebody's mistake, and must not keep the sums from being made.
INSERT INTO ledger_hour
SELECT e.at_ms / 3600000, COALESCE(e.virtual_key, ''::bytea), e.label,
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
       COUNT(*), SUM(e.is_error)::bigint, COUNT(*) - COUNT(e.cost_nano), SUM(e.estimated)::bigint,
       SUM(e.input)::bigint, SUM(e.cache_read)::bigint, SUM(e.cache_write)::bigint, SUM(e.audio_input)::bigint,
       SUM(e.output)::bigint, SUM(e.reasoning)::bigint, SUM(e.audio_output)::bigint,
       COALESCE(SUM(e.images), 0)::bigint, COALESCE(SUM(e.input_ms), 0)::bigint, COALESCE(SUM(e.characters), 0)::bigint,
       SUM(GREATEST(LEAST(COALESCE(e.cost_nano, 0), 1000000000000000), -1000000000000000))::bigint, SUM(GREATEST(LEAST(COALESCE(e.saved_nano, 0), 1000000000000000), -1000000000000000))::bigint
FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
GROUP BY 1, 2, 3;
