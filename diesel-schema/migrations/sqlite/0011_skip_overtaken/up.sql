-- `skipped` is a state of work: a newer version was recorded before an attempt began, or before one failed. It is finished.
--
-- state      moved in by               moved out by
-- skipped    record, retry, discard,   replay
--            release, rescue
--
-- SQLite cannot change a CHECK, and to make the table anew would keep every process from writing meanwhile. Its rows stay as they
-- are, so the text of the table is changed alone, by the procedure for that:
-- https://www.sqlite.org/lang_altertable.html#making_other_kinds_of_table_schema_changes
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'OR state = ''discarded''', 'OR state = ''discarded'' OR state = ''skipped'''),
    'IN (''completed'', ''discarded'')', 'IN (''completed'', ''discarded'', ''skipped'')')
    WHERE type = 'table' AND name = 'mojito_work';
PRAGMA writable_schema = RESET;

-- Whether a replay made it wait, and no attempt has failed since. Then no newer version skips it. This change of the table also
-- lets every other connection read its text again.
ALTER TABLE mojito_work ADD COLUMN is_replayed INTEGER NOT NULL DEFAULT 0
    CONSTRAINT mojito_work_is_replayed CHECK (is_replayed IN (0, 1));
