-- When an operator dismissed it. It counts for discarded work that ended no later: an older version of the program replays
-- work without emptying it, and the work may fail for good again.
ALTER TABLE mojito_work ADD COLUMN dismissed_at TEXT;
-- The same for a delivery in quarantine.
ALTER TABLE mojito_deliveries ADD COLUMN dismissed_at TEXT;

-- Backlog, dismissal: dead work that nobody has dismissed. With every column of the condition, so that a count reads no row.
CREATE INDEX mojito_work_undismissed ON mojito_work (delivery_id, handler, state, dismissed_at, finished_at)
    WHERE state = 'discarded' AND (dismissed_at IS NULL OR dismissed_at < finished_at);
-- Backlog, promotion: what waits behind the first of its line. With the columns of the condition, for the same reason.
DROP INDEX mojito_work_behind;
CREATE INDEX mojito_work_behind ON mojito_work (first_delivery_id, handler, delivery_id, finished_at, is_first)
    WHERE finished_at IS NULL AND NOT is_first;
-- The same as of work for deliveries in quarantine.
CREATE INDEX mojito_deliveries_undismissed ON mojito_deliveries (id)
    WHERE standing = 'quarantined' AND dismissed_at IS NULL;

-- The endpoints and handlers that an operator has paused, for every process.
CREATE TABLE mojito_pauses (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    since  TEXT NOT NULL,
    actor  TEXT NOT NULL,
    reason TEXT,

    CONSTRAINT mojito_pauses_key PRIMARY KEY (kind, name),
    CONSTRAINT mojito_pauses_kind CHECK (kind IN ('endpoint', 'handler'))
) STRICT, WITHOUT ROWID;

-- How far an action has come. An older version of the program enters actions without these columns, and nobody takes
-- them over.
ALTER TABLE mojito_audit ADD COLUMN state TEXT NOT NULL DEFAULT 'done'
    CONSTRAINT mojito_audit_state CHECK (state IN ('running', 'done', 'cancelled', 'interrupted', 'failed'));
-- How many rows it is meant to concern.
ALTER TABLE mojito_audit ADD COLUMN meant INTEGER;
-- The delivery up to which it is done.
ALTER TABLE mojito_audit ADD COLUMN cursor INTEGER;
-- The token of the process that executes it: random, compared for equality alone. The fence of each step.
ALTER TABLE mojito_audit ADD COLUMN epoch INTEGER;
-- When another process may take it over.
ALTER TABLE mojito_audit ADD COLUMN lease_until TEXT
    CONSTRAINT mojito_audit_lease CHECK ((state = 'running') = (lease_until IS NOT NULL));

-- Takeover: which action has nobody who executes it?
CREATE INDEX mojito_audit_running ON mojito_audit (lease_until) WHERE state = 'running';
