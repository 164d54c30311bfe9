-- Whether a replay made it wait, and no attempt has failed since. Then no newer version skips it.
ALTER TABLE mojito_work ADD COLUMN is_replayed BOOLEAN NOT NULL DEFAULT false;

-- step
-- As before, and `skipped` is a state: a newer version was recorded before an attempt began, or before one failed. It is finished.
--
-- state      moved in by               moved out by
-- skipped    record, retry, discard,   replay
--            release, rescue
CREATE OR REPLACE FUNCTION mojito_work_is_sound(
    state TEXT, attempt INTEGER, max_attempts INTEGER, due_at TIMESTAMPTZ, lease_until TIMESTAMPTZ, epoch BIGINT,
    finished_at TIMESTAMPTZ
) RETURNS BOOLEAN IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN state IN ('pending', 'running', 'retryable', 'completed', 'discarded', 'skipped')
        AND attempt >= 0 AND max_attempts >= 1 AND attempt <= max_attempts AND epoch >= 0
        AND (state NOT IN ('running', 'retryable') OR attempt >= 1)
        AND (due_at IS NULL OR state IN ('pending', 'retryable'))
        AND (state <> 'retryable' OR due_at IS NOT NULL)
        AND (lease_until IS NOT NULL) = (state = 'running')
        AND (finished_at IS NOT NULL) = (state IN ('completed', 'discarded', 'skipped'));
END
$$;

-- Ends the overtaken work of a line as `skipped`, and promotes. Only where the handler wants the latest version: then work that
-- waits is overtaken by each newer version that the handler has work of. A late delivery has no version: it neither overtakes nor is
-- overtaken. `ended` is work that the transaction itself has just given up, or made wait: whether it was skipped is the answer.
--
-- The lock of the line comes first, as in `mojito_promote`: a recorder that adds a newer version sees work that waits, or whoever
-- makes work wait sees the newer version. Nobody waits for a row: what somebody has locked is about to run, or to be replayed.
CREATE FUNCTION mojito_skip_overtaken(line BIGINT, of_handler TEXT, ended BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql
    SET enable_seqscan = off SET jit = off AS $$
DECLARE
    newest BIGINT;
    older BIGINT;
    is_skipped BOOLEAN := false;
BEGIN
    PERFORM pg_advisory_xact_lock(557025119, hashint8(line));
    IF EXISTS (SELECT 1 FROM mojito_handlers WHERE name = of_handler AND wants = 'latest') THEN
        SELECT d.id INTO newest FROM mojito_deliveries AS d
            WHERE d.first_delivery_id = line AND d.version IS NOT NULL
                AND EXISTS (SELECT 1 FROM mojito_work AS w WHERE w.delivery_id = d.id AND w.handler = of_handler)
            ORDER BY d.version DESC LIMIT 1;
        FOR older IN
            SELECT w.delivery_id FROM mojito_work AS w
                WHERE w.first_delivery_id = line AND w.handler = of_handler AND w.is_first AND w.delivery_id < newest
            UNION ALL
            SELECT w.delivery_id FROM mojito_work AS w
                WHERE w.first_delivery_id = line AND w.handler = of_handler AND w.delivery_id < newest
                    AND w.finished_at IS NULL AND NOT w.is_first
            UNION ALL
            SELECT ended WHERE ended < newest
        LOOP
            PERFORM 1 FROM mojito_work AS w
                WHERE w.delivery_id = older AND w.handler = of_handler AND NOT w.is_replayed
                    AND (w.state IN ('pending', 'retryable') OR (w.state = 'discarded' AND older = ended))
                    AND EXISTS (SELECT 1 FROM mojito_deliveries AS d WHERE d.id = older AND d.version IS NOT NULL)
                FOR UPDATE SKIP LOCKED;
            IF FOUND THEN
                UPDATE mojito_work
                    SET state = 'skipped', due_at = NULL, finished_at = transaction_timestamp(), is_first = false,
                        hook_due_at = NULL
                    WHERE delivery_id = older AND handler = of_handler;
                is_skipped := is_skipped OR older IS NOT DISTINCT FROM ended;
            END IF;
        END LOOP;
    END IF;
    PERFORM mojito_promote(line, of_handler);
    RETURN is_skipped;
END
$$;
