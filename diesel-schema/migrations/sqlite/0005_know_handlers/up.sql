-- The handlers that have been attached, by whichever process. Whoever records reads it, and makes work for each that is not
-- retired.
CREATE TABLE mojito_handlers (
    name            TEXT    NOT NULL,                  -- the stable name
    takes_late      INTEGER NOT NULL,                  -- as the last attach said, and so the next three
    wants           TEXT    NOT NULL DEFAULT 'every',
    max_attempts    INTEGER NOT NULL,
    has_erased_hook INTEGER NOT NULL DEFAULT 0,
    first_seen      TEXT    NOT NULL,
    last_seen       TEXT    NOT NULL,                  -- of a process that has it attached: written at most once a minute
    retired_at      TEXT,
    recorded_up_to  INTEGER,                           -- while it is retired: the last delivery that it got its work of, or that came before

    CONSTRAINT mojito_handlers_key PRIMARY KEY (name),
    CONSTRAINT mojito_handlers_takes_late CHECK (takes_late IN (0, 1)),
    CONSTRAINT mojito_handlers_wants CHECK (wants IN ('every', 'latest')),
    CONSTRAINT mojito_handlers_attempts CHECK (max_attempts >= 1),
    CONSTRAINT mojito_handlers_erased_hook CHECK (has_erased_hook IN (0, 1)),
    CONSTRAINT mojito_handlers_retired CHECK ((retired_at IS NULL) = (recorded_up_to IS NULL))
) STRICT, WITHOUT ROWID;

-- SQLite cannot change a CHECK: the table is made anew, for every action that an operator can take.
CREATE TABLE mojito_audit_0005 (
    id       INTEGER NOT NULL CONSTRAINT mojito_audit_key PRIMARY KEY AUTOINCREMENT,
    at       TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    target   TEXT    NOT NULL,                         -- JSON: what was asked for; never a person's data
    reason   TEXT,
    affected INTEGER NOT NULL,

    CONSTRAINT mojito_audit_action CHECK
        (action IN ('replay', 'erase', 'prune', 'discard', 'dismiss', 'pause',
            'resume', 'retire', 'reveal', 'rehearse', 'import')),
    CONSTRAINT mojito_audit_affected CHECK (affected >= 0),
    CONSTRAINT mojito_audit_target CHECK (json_valid(target))
) STRICT;

INSERT INTO mojito_audit_0005 (id, at, actor, action, target, reason, affected)
SELECT id, at, actor, action, target, reason, affected FROM mojito_audit;

DROP TABLE mojito_audit;
ALTER TABLE mojito_audit_0005 RENAME TO mojito_audit;
