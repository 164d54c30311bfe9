DROP FUNCTION mojito_skip_overtaken(BIGINT, TEXT, BIGINT);
UPDATE mojito_work SET state = 'discarded' WHERE state = 'skipped';
ALTER TABLE mojito_work DROP COLUMN is_replayed;
CREATE OR REPLACE FUNCTION mojito_work_is_sound(
    state TEXT, attempt INTEGER, max_attempts INTEGER, due_at TIMESTAMPTZ, lease_until TIMESTAMPTZ, epoch BIGINT,
    finished_at TIMESTAMPTZ
) RETURNS BOOLEAN IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN state IN ('pending', 'running', 'retryable', 'completed', 'discarded')
        AND attempt >= 0 AND max_attempts >= 1 AND attempt <= max_attempts AND epoch >= 0
        AND (state NOT IN ('running', 'retryable') OR attempt >= 1)
        AND (due_at IS NULL OR state IN ('pending', 'retryable'))
        AND (state <> 'retryable' OR due_at IS NOT NULL)
        AND (lease_until IS NOT NULL) = (state = 'running')
        AND (finished_at IS NOT NULL) = (state IN ('completed', 'discarded'));
END
$$;
