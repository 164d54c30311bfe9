DELETE FROM mojito_audit WHERE action NOT IN ('replay', 'erase', 'prune', 'discard');
ALTER TABLE mojito_audit
    DROP CONSTRAINT mojito_audit_action,
    ADD CONSTRAINT mojito_audit_action CHECK (action IN ('replay', 'erase', 'prune', 'discard'));

DROP TABLE mojito_handlers;
