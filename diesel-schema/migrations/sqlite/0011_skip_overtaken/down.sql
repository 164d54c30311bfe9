UPDATE mojito_work SET state = 'discarded' WHERE state = 'skipped';
ALTER TABLE mojito_work DROP COLUMN is_replayed;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, ' OR state = ''skipped''', ''), ', ''skipped'')', ')')
    WHERE type = 'table' AND name = 'mojito_work';
PRAGMA writable_schema = RESET;
