-- Where each interview result stands on the desk. Moved by the handler alone, in its transaction.
CREATE TABLE applications (
    endpoint   TEXT    NOT NULL,
    result_id  TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    version    INTEGER NOT NULL,                       -- the version of the result that it was moved by
    updated_at TEXT    NOT NULL,

    CONSTRAINT applications_key PRIMARY KEY (endpoint, result_id),
    CONSTRAINT applications_stage CHECK
        (stage IN ('answers_in', 'to_review', 'advanced', 'declined', 'failed', 'withdrawn')),
    CONSTRAINT applications_version CHECK (version >= 1)
) STRICT, WITHOUT ROWID;

-- The page of those at one stage.
CREATE INDEX applications_by_stage ON applications (stage, updated_at);

-- The desk's timeline: one row per handled delivery. Nothing here forbids a second one, so that it would be seen.
CREATE TABLE application_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery_id INTEGER NOT NULL,
    result_id   TEXT    NOT NULL,
    version     INTEGER,                               -- null for a late delivery
    event       TEXT    NOT NULL,
    created_at  TEXT    NOT NULL                       -- when it was handled
) STRICT;

-- The history of a result: when was this delivery handled?
CREATE INDEX application_events_by_delivery ON application_events (delivery_id);

-- What somebody at the desk should notice.
CREATE TABLE application_notices (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint    TEXT    NOT NULL,
    result_id   TEXT    NOT NULL,
    delivery_id INTEGER NOT NULL,
    notice      TEXT    NOT NULL,
    created_at  TEXT    NOT NULL,

    CONSTRAINT application_notices_notice CHECK
        (notice IN ('advanced', 'declined', 'reopened', 'withdrawn', 'report_available', 'score_changed'))
) STRICT;

-- The history of a result.
CREATE INDEX application_notices_by_result ON application_notices (endpoint, result_id);
