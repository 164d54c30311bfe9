-- SQLite cannot change a CHECK: the table is made anew.
--
-- state      moved in by               moved out by
-- pending    record, replay, release   claim, discard, erase
-- running    claim                     complete, retry, discard, release, rescue
-- retryable  retry, release, rescue    claim, discard, erase
-- completed  complete                  replay
-- discarded  retry, discard, rescue    replay
CREATE TABLE mojito_work_0003 (
    delivery_id  INTEGER NOT NULL,
    handler      TEXT    NOT NULL,
    first_delivery_id INTEGER NOT NULL,                -- with the handler: the line that it waits in, a result's
    state        TEXT    NOT NULL DEFAULT 'pending',
    attempt      INTEGER NOT NULL DEFAULT 0,           -- counted when claimed
    max_attempts INTEGER NOT NULL,
    due_at       TEXT,                                 -- null: at once
    lease_until  TEXT,
    epoch        INTEGER NOT NULL DEFAULT 0,           -- the token of the claim, random: the fence
    last_error   TEXT,
    finished_at  TEXT,
    -- Whether it is the first of its line. Only the first may be claimed. Whoever ends it, or makes another row of the line
    -- unfinished again, promotes the earliest unfinished row, unless one of the line runs.
    is_first     INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT mojito_work_key PRIMARY KEY (delivery_id, handler),
    CONSTRAINT mojito_work_delivery FOREIGN KEY (delivery_id) REFERENCES mojito_deliveries (id) ON DELETE CASCADE,
    CONSTRAINT mojito_work_state CHECK
        (state = 'pending' OR state = 'running' OR state = 'retryable' OR state = 'completed' OR state = 'discarded'),
    CONSTRAINT mojito_work_attempt CHECK
        (attempt >= 0 AND max_attempts >= 1 AND attempt <= max_attempts AND epoch >= 0),
    CONSTRAINT mojito_work_started CHECK
        (state NOT IN ('running', 'retryable') OR attempt >= 1),
    CONSTRAINT mojito_work_due CHECK
        ((due_at IS NULL OR state IN ('pending', 'retryable')) AND (state <> 'retryable' OR due_at IS NOT NULL)),
    CONSTRAINT mojito_work_lease CHECK
        ((lease_until IS NOT NULL) = (state = 'running')),
    CONSTRAINT mojito_work_finished CHECK
        ((finished_at IS NOT NULL) = (state IN ('completed', 'discarded'))),
    CONSTRAINT mojito_work_is_first CHECK (is_first IN (0, 1))
) STRICT, WITHOUT ROWID;

INSERT INTO mojito_work_0003
SELECT
    delivery_id, handler, first_delivery_id, state, attempt, max_attempts,
    CASE state WHEN 'pending' THEN NULL ELSE due_at END,
    lease_until, epoch, last_error, finished_at,
    finished_at IS NULL AND delivery_id = COALESCE(
        (SELECT min(runs.delivery_id) FROM mojito_work AS runs
         WHERE runs.first_delivery_id = one.first_delivery_id AND runs.handler = one.handler
             AND runs.finished_at IS NULL AND runs.state = 'running'),
        (SELECT min(waits.delivery_id) FROM mojito_work AS waits
         WHERE waits.first_delivery_id = one.first_delivery_id AND waits.handler = one.handler
             AND waits.finished_at IS NULL))
FROM mojito_work AS one;

DROP TABLE mojito_work;
ALTER TABLE mojito_work_0003 RENAME TO mojito_work;

-- Claim: the firsts that wait, in the order in which they are due. What waits behind them is not in it.
CREATE INDEX mojito_work_claimable ON mojito_work (handler, COALESCE(due_at, ''), delivery_id)
    WHERE is_first AND lease_until IS NULL AND finished_at IS NULL;
-- A line has one first at most. Record: has the line one? Promote: which is it?
CREATE UNIQUE INDEX mojito_work_first ON mojito_work (first_delivery_id, handler) WHERE is_first;
-- Promote: what comes next in the line?
CREATE INDEX mojito_work_behind ON mojito_work (first_delivery_id, handler, delivery_id)
    WHERE finished_at IS NULL AND NOT is_first;
-- Sweep: a first that is finished, whose next is still to be promoted.
CREATE INDEX mojito_work_finished_first ON mojito_work (first_delivery_id) WHERE is_first AND finished_at IS NOT NULL;
-- Rescue: whose lease has lapsed.
CREATE INDEX mojito_work_by_lease ON mojito_work (lease_until) WHERE lease_until IS NOT NULL;
-- Rescue: has a suspect its turn?
CREATE INDEX mojito_work_retryable ON mojito_work (due_at) WHERE state = 'retryable';
-- What is dead, for the operator and for health.
CREATE INDEX mojito_work_dead ON mojito_work (delivery_id, handler) WHERE state = 'discarded';

-- Selections: what is quarantined of a result.
CREATE INDEX mojito_deliveries_unread_of_result ON mojito_deliveries (result_id) WHERE first_delivery_id IS NULL;
