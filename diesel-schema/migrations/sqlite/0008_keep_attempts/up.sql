-- The attempts that did not simply succeed at once, and the successes after them. Rows are only added, also by a replay.
CREATE TABLE mojito_attempts (
    id          INTEGER NOT NULL CONSTRAINT mojito_attempts_key PRIMARY KEY,
    delivery_id INTEGER NOT NULL,
    handler     TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,                      -- begins again at 1 with each replay
    started_at  TEXT,                                  -- null where an older version has claimed it
    ended_at    TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    error       TEXT,                                  -- null once erased

    -- Not the delivery: a reference locks what it refers to, and whoever settles an attempt has locked this row anyway.
    CONSTRAINT mojito_attempts_work FOREIGN KEY (delivery_id, handler)
        REFERENCES mojito_work (delivery_id, handler) ON DELETE CASCADE,
    CONSTRAINT mojito_attempts_attempt CHECK (attempt >= 1),
    CONSTRAINT mojito_attempts_outcome CHECK
        (outcome = 'completed' OR outcome = 'failed' OR outcome = 'panicked' OR outcome = 'timed_out'
            OR outcome = 'lapsed' OR outcome = 'discarded')
) STRICT;

-- The attempts on a delivery, in order. Foreign key: those that go with it.
CREATE INDEX mojito_attempts_by_delivery ON mojito_attempts (delivery_id, id);

-- When it was last claimed. A claim of an older version leaves it as it is.
ALTER TABLE mojito_work ADD COLUMN started_at TEXT;
-- Whether an attempt is in `mojito_attempts`: then its next success is added too.
ALTER TABLE mojito_work ADD COLUMN has_attempts INTEGER NOT NULL DEFAULT 0
    CONSTRAINT mojito_work_has_attempts CHECK (has_attempts IN (0, 1));
