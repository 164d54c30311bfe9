-- From when its handler's hook `discarded` may be called, where it is owed: the handler gave it up, or its last attempt was
-- lost, and nobody has said so yet. An older version of the program makes discarded work wait again without emptying it, so
-- no constraint ties it to the state: it counts for discarded work alone.
ALTER TABLE mojito_work ADD COLUMN hook_due_at TEXT;

-- Hooks: which is due?
CREATE INDEX mojito_work_by_hook ON mojito_work (handler, hook_due_at, delivery_id)
    WHERE hook_due_at IS NOT NULL AND state = 'discarded';
