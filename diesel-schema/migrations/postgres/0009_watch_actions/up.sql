-- When an operator dismissed it. It counts for discarded work that ended no later: an older version of the program replays
-- work without emptying it, and the work may fail for good again.
ALTER TABLE mojito_work ADD COLUMN dismissed_at TIMESTAMPTZ;

-- step
-- The same for a delivery in quarantine.
ALTER TABLE mojito_deliveries ADD COLUMN dismissed_at TIMESTAMPTZ;

-- step
-- Backlog, dismissal: dead work that nobody has dismissed.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_work_undismissed ON mojito_work (delivery_id, handler)
    WHERE state = 'discarded' AND (dismissed_at IS NULL OR dismissed_at < finished_at);

-- step
-- The same for deliveries in quarantine.
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_deliveries_undismissed ON mojito_deliveries (id)
    WHERE standing = 'quarantined' AND dismissed_at IS NULL;

-- step
-- The endpoints and handlers that an operator has paused, for every process.
CREATE TABLE mojito_pauses (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT,

    CONSTRAINT mojito_pauses_key PRIMARY KEY (kind, name),
    CONSTRAINT mojito_pauses_kind CHECK (kind IN ('endpoint', 'handler'))
);

-- step
-- How far an action has come. An older version of the program enters actions without these columns, and nobody takes
-- them over.
ALTER TABLE mojito_audit
    ADD COLUMN state TEXT NOT NULL DEFAULT 'done',
    ADD COLUMN meant BIGINT, -- how many rows it is meant to concern
    ADD COLUMN cursor BIGINT, -- the delivery up to which it is done
    ADD COLUMN epoch BIGINT, -- the token of the process that executes it: random, compared for equality alone; each step's fence
    ADD COLUMN lease_until TIMESTAMPTZ, -- when another process may take it over
    ADD CONSTRAINT mojito_audit_state CHECK
        (state IN ('running', 'done', 'cancelled', 'interrupted', 'failed')) NOT VALID,
    ADD CONSTRAINT mojito_audit_lease CHECK ((state = 'running') = (lease_until IS NOT NULL)) NOT VALID;

-- step
ALTER TABLE mojito_audit VALIDATE CONSTRAINT mojito_audit_state, VALIDATE CONSTRAINT mojito_audit_lease;

-- step
-- Takeover: which action has nobody who executes it?
CREATE INDEX CONCURRENTLY IF NOT EXISTS mojito_audit_running ON mojito_audit (lease_until) WHERE state = 'running';
