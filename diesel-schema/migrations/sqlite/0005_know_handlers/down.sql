CREATE TABLE mojito_audit_0001 (
    id       INTEGER NOT NULL CONSTRAINT mojito_audit_key PRIMARY KEY AUTOINCREMENT,
    at       TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    target   TEXT    NOT NULL,                         -- JSON: what was asked for; never a person's data
    reason   TEXT,
    affected INTEGER NOT NULL,

    CONSTRAINT mojito_audit_action CHECK
        (action IN ('replay', 'erase', 'prune', 'discard')),
    CONSTRAINT mojito_audit_affected CHECK (affected >= 0),
    CONSTRAINT mojito_audit_target CHECK (json_valid(target))
) STRICT;

INSERT INTO mojito_audit_0001 (id, at, actor, action, target, reason, affected)
SELECT id, at, actor, action, target, reason, affected FROM mojito_audit WHERE action IN ('replay', 'erase', 'prune', 'discard');

DROP TABLE mojito_audit;
ALTER TABLE mojito_audit_0001 RENAME TO mojito_audit;

DROP TABLE mojito_handlers;
