-- Whether it is the first of its line. Only the first may be claimed. Whoever ends it, or makes another row of the line
-- unfinished again, promotes the earliest unfinished row, unless one of the line runs.
ALTER TABLE mojito_work ADD COLUMN is_first BOOLEAN NOT NULL DEFAULT false;

-- step
-- As before, but that no `due_at` means at once. `epoch` is the token of the claim, random.
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

-- Promotes within a line: the earliest unfinished row is its first, unless one of the line runs. Whether a row was promoted.
--
-- Who ends a row does not see what another transaction records behind it, and the recorder does not see the end. So both
-- take the lock of the line before they look: a recorder that of each result that it knows, everybody else that of the line
-- that they promote in. Each statement of a function sees what was committed before it, at READ COMMITTED alone: at another
-- level the answer is null, and a transaction of our own promotes later.
--
-- Nobody waits for a row with the lock in hand: whoever has a row of the line locked promotes at its own end.
CREATE FUNCTION mojito_promote(line BIGINT, of_handler TEXT) RETURNS BOOLEAN LANGUAGE plpgsql
    SET enable_seqscan = off SET jit = off AS $$
DECLARE
    former RECORD;
    next_id BIGINT;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(557025119, hashint8(line));
    SELECT delivery_id, lease_until, finished_at INTO former FROM mojito_work
        WHERE first_delivery_id = line AND handler = of_handler AND is_first;
    IF former.lease_until IS NOT NULL THEN
        RETURN false;
    END IF;
    SELECT delivery_id INTO next_id FROM mojito_work
        WHERE first_delivery_id = line AND handler = of_handler AND finished_at IS NULL AND NOT is_first
        ORDER BY delivery_id LIMIT 1;
    IF former.delivery_id IS NOT NULL THEN
        IF former.finished_at IS NULL AND (next_id IS NULL OR former.delivery_id < next_id) THEN
            RETURN false;
        END IF;
        PERFORM 1 FROM mojito_work
            WHERE delivery_id = former.delivery_id AND handler = of_handler AND is_first AND lease_until IS NULL
            FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        UPDATE mojito_work SET is_first = false WHERE delivery_id = former.delivery_id AND handler = of_handler;
    END IF;
    PERFORM 1 FROM mojito_work
        WHERE delivery_id = next_id AND handler = of_handler AND finished_at IS NULL FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE mojito_work SET is_first = true WHERE delivery_id = next_id AND handler = of_handler;
    RETURN true;
END
$$;

-- step
UPDATE mojito_work SET due_at = NULL WHERE state = 'pending';
UPDATE mojito_work AS one SET is_first = true
    FROM (
        SELECT DISTINCT ON (first_delivery_id, handler) delivery_id, handler FROM mojito_work
        WHERE finished_at IS NULL ORDER BY first_delivery_id, handler, state <> 'running', delivery_id
    ) AS firsts
    WHERE one.delivery_id = firsts.delivery_id AND one.handler = firsts.handler;

-- step
-- Claim: the firsts that wait, in the order in which they are due. What waits behind them is not in it.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_claimable ON mojito_work
    (handler, COALESCE(due_at, '-infinity'), delivery_id)
    WHERE is_first AND lease_until IS NULL AND finished_at IS NULL;

-- step
-- A line has one first at most. Record: has the line one? Promote: which is it?
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_first ON mojito_work (first_delivery_id, handler)
    WHERE is_first;

-- step
-- Promote: what comes next in the line?
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_behind ON mojito_work (first_delivery_id, handler, delivery_id)
    WHERE finished_at IS NULL AND NOT is_first;

-- step
-- Sweep: a first that is finished, whose next is still to be promoted.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_finished_first ON mojito_work (first_delivery_id)
    WHERE is_first AND finished_at IS NOT NULL;

-- step
-- Rescue: has a suspect its turn?
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_retryable ON mojito_work (due_at) WHERE state = 'retryable';

-- step
-- Selections: what is dead, in stored order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_dead ON mojito_work (delivery_id, handler)
    WHERE state = 'discarded';

-- step
-- Selections: what is quarantined of a result.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_deliveries_unread_of_result ON mojito_deliveries (result_id)
    WHERE first_delivery_id IS NULL;

-- step
DROP INDEX mojito_work_discarded, mojito_work_by_due, mojito_work_open;
