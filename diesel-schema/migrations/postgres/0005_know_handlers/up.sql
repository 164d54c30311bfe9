-- The handlers that have been attached, by whichever process. Whoever records reads it, and makes work for each that is not
-- retired.
--
-- A recorder locks the table in ROW SHARE MODE before it reads. Who attaches or retires a handler locks it in EXCLUSIVE
-- MODE: so no delivery is recorded across the change, and a backup that reads the table is in nobody's way.
CREATE TABLE mojito_handlers (
    name TEXT COLLATE "C" NOT NULL, -- the stable name
    takes_late BOOLEAN NOT NULL, -- as the last attach said, and so the next three
    wants TEXT NOT NULL DEFAULT 'every',
    max_attempts INTEGER NOT NULL,
    has_erased_hook BOOLEAN NOT NULL DEFAULT false,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL, -- of a process that has it attached: written at most once a minute
    retired_at TIMESTAMPTZ,
    recorded_up_to BIGINT, -- while it is retired: the last delivery that it got its work of, or that came before

    CONSTRAINT mojito_handlers_key PRIMARY KEY (name),
    CONSTRAINT mojito_handlers_wants CHECK (wants IN ('every', 'latest')),
    CONSTRAINT mojito_handlers_attempts CHECK (max_attempts >= 1),
    CONSTRAINT mojito_handlers_retired CHECK ((retired_at IS NULL) = (recorded_up_to IS NULL))
);

-- step
-- Every action that an operator can take.
ALTER TABLE mojito_audit
    DROP CONSTRAINT mojito_audit_action,
    ADD CONSTRAINT mojito_audit_action CHECK
        (action IN ('replay', 'erase', 'prune', 'discard', 'dismiss', 'pause',
            'resume', 'retire', 'reveal', 'rehearse', 'import')) NOT VALID;

-- step
ALTER TABLE mojito_audit VALIDATE CONSTRAINT mojito_audit_action;
