-- The group of the last error: its first line without all that looks like a value. Null where an older version of the
-- program has written the error.
ALTER TABLE mojito_work ADD COLUMN error_group TEXT;
-- Errors in groups, and selections of a group: the work that fails or is dead, in stored order.
CREATE INDEX mojito_work_failed ON mojito_work (delivery_id, handler, error_group)
    WHERE last_error IS NOT NULL AND (finished_at IS NULL OR state = 'discarded'
        AND (dismissed_at IS NULL OR dismissed_at < finished_at));

-- When each secret of an endpoint was last used: an operator removes a secret that nobody uses any more.
CREATE TABLE mojito_seen (
    endpoint     TEXT NOT NULL,
    secret_id    TEXT NOT NULL,
    last_used_at TEXT NOT NULL,                        -- written at most once a minute by each process

    CONSTRAINT mojito_seen_key PRIMARY KEY (endpoint, secret_id)
) STRICT, WITHOUT ROWID;
