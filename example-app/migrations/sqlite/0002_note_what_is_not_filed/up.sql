-- A delivery that the desk could not file is noted. SQLite cannot change a CHECK: the table is made anew.
CREATE TABLE application_notices_0002 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint    TEXT    NOT NULL,
    result_id   TEXT    NOT NULL,
    delivery_id INTEGER NOT NULL,
    notice      TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,

    CONSTRAINT application_notices_notice CHECK
        (notice IN ('advanced', 'declined', 'reopened', 'withdrawn', 'report_available', 'score_changed', 'not_filed'))
) STRICT;
INSERT INTO application_notices_0002 SELECT * FROM application_notices;
DROP TABLE application_notices;
ALTER TABLE application_notices_0002 RENAME TO application_notices;

-- The history of a result.
CREATE INDEX application_notices_by_result ON application_notices (endpoint, result_id);
-- The hook that notes it may be called twice.
CREATE UNIQUE INDEX application_notices_not_filed ON application_notices (delivery_id) WHERE notice = 'not_filed';
