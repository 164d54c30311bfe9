DROP INDEX mojito_deliveries_unread_of_result;
CREATE TABLE mojito_work_0001 (
    delivery_id  INTEGER NOT NULL,
    handler      TEXT    NOT NULL,
    first_delivery_id INTEGER NOT NULL,
    state        TEXT    NOT NULL DEFAULT 'pending',
    attempt      INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    due_at       TEXT,
    lease_until  TEXT,
    epoch        INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT,
    finished_at  TEXT,

    CONSTRAINT mojito_work_key PRIMARY KEY (delivery_id, handler),
    CONSTRAINT mojito_work_delivery FOREIGN KEY (delivery_id) REFERENCES mojito_deliveries (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO mojito_work_0001
SELECT
    delivery_id, handler, first_delivery_id, state, attempt, max_attempts,
    CASE state WHEN 'pending' THEN COALESCE(due_at, '0001-01-01 00:00:00.000000') ELSE due_at END,
    lease_until, epoch, last_error, finished_at
FROM mojito_work;
DROP TABLE mojito_work;
ALTER TABLE mojito_work_0001 RENAME TO mojito_work;
CREATE INDEX mojito_work_by_due ON mojito_work (handler, due_at, delivery_id) WHERE due_at IS NOT NULL;
CREATE INDEX mojito_work_open ON mojito_work (first_delivery_id, handler, delivery_id) WHERE finished_at IS NULL;
CREATE INDEX mojito_work_by_lease ON mojito_work (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX mojito_work_discarded ON mojito_work (finished_at) WHERE state = 'discarded';
