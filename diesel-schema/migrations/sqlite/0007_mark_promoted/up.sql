-- Whether it became the first of its line after it was recorded. Before such a row begins, the end of the one before it has to
-- be durable. Of a row that was recorded as the first it was. What an older version has promoted is not known.
ALTER TABLE mojito_work ADD COLUMN was_promoted INTEGER NOT NULL DEFAULT 0
    CONSTRAINT mojito_work_was_promoted CHECK (was_promoted IN (0, 1));

UPDATE mojito_work SET was_promoted = 1 WHERE is_first;
