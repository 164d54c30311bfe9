-- Where a CHECK names more than two words, it compares them one by one: for a longer list after `IN` SQLite builds a
-- temporary tree at each statement, which cost a third of recording.

-- Accepted deliveries that are not repeats. Facts: what was received never changes.
CREATE TABLE mojito_deliveries (
    -- Never used twice, not even after pruning.
    id             INTEGER NOT NULL CONSTRAINT mojito_deliveries_key PRIMARY KEY AUTOINCREMENT,
    endpoint       TEXT    NOT NULL,
    event          TEXT    NOT NULL,
    result_id      TEXT,
    -- The first delivery about the same result, where they are all filed. An id alone is random: each would be filed
    -- in a page of its own, at the cost of a page written.
    first_delivery_id INTEGER,
    version        INTEGER,
    standing       TEXT    NOT NULL,
    fingerprint    BLOB    NOT NULL,                   -- SHA-256 over endpoint, event and raw body
    secret_id      TEXT    NOT NULL,                   -- which of the endpoint's secrets matched
    received_at    TEXT    NOT NULL,                   -- UTC, `YYYY-MM-DD HH:MM:SS.ffffff`, as all times here
    body           BLOB,                               -- raw bytes; null once pruned or erased
    repeat_count   INTEGER NOT NULL DEFAULT 0,
    last_repeat_at TEXT,
    changes        TEXT    NOT NULL DEFAULT '[]',      -- JSON array of the vendor's field names
    findings       TEXT    NOT NULL DEFAULT '[]',      -- JSON array of {"code", "field"}

    CONSTRAINT mojito_deliveries_event CHECK
        (event = 'interview_result' OR event = 'interview_collected' OR event = 'interview_failed' OR event = 'unknown'),
    CONSTRAINT mojito_deliveries_standing CHECK
        (standing = 'current' OR standing = 'late' OR standing = 'quarantined'),
    CONSTRAINT mojito_deliveries_version CHECK
        ((version IS NOT NULL) = (standing = 'current') AND (version IS NULL OR version >= 1)),
    CONSTRAINT mojito_deliveries_result CHECK
        (standing = 'quarantined' OR (result_id IS NOT NULL AND event <> 'unknown')),
    CONSTRAINT mojito_deliveries_filed CHECK
        ((first_delivery_id IS NOT NULL) = (standing <> 'quarantined')),
    CONSTRAINT mojito_deliveries_fingerprint CHECK (length(fingerprint) = 32),
    CONSTRAINT mojito_deliveries_repeats CHECK
        (repeat_count >= 0 AND (repeat_count = 0) = (last_repeat_at IS NULL)),
    CONSTRAINT mojito_deliveries_changes CHECK (json_valid(changes)),
    CONSTRAINT mojito_deliveries_findings CHECK (json_valid(findings))
) STRICT;

-- A version belongs to one delivery. Also finds the former version of a snapshot, and all deliveries of a result.
CREATE UNIQUE INDEX mojito_deliveries_by_version ON mojito_deliveries (first_delivery_id, version);
-- Repeats and recurrences: has this result had this body before? And, under null: does it wait in quarantine?
CREATE INDEX mojito_deliveries_by_fingerprint ON mojito_deliveries (first_delivery_id, fingerprint);
-- Prune: the oldest bodies that are still there.
CREATE INDEX mojito_deliveries_with_body ON mojito_deliveries (received_at) WHERE body IS NOT NULL;
-- What waits for an operator.
CREATE INDEX mojito_deliveries_quarantined ON mojito_deliveries (id) WHERE standing = 'quarantined';

-- The current state of each interview result: lock, source of versions, and the host's to read.
CREATE TABLE mojito_results (
    endpoint                            TEXT    NOT NULL,
    id                                  TEXT    NOT NULL,
    event                               TEXT    NOT NULL,
    version                             INTEGER NOT NULL,
    interview_id                        TEXT,
    question_set_id                     TEXT,
    status                              TEXT,
    interview_status                    TEXT,
    processing_status                   TEXT,
    profile_interview_id                TEXT,
    profile_id                          TEXT,
    candidate_external_id               TEXT,
    candidate_name                      TEXT,
    candidate_email                     TEXT,
    candidate_phone_number              TEXT,
    score                               REAL,
    ai_analysis_recruiter_score         REAL,
    ai_analysis                         TEXT,
    ai_analysis_recruiter               TEXT,
    ai_analysis_recruiter_why_hire      TEXT,              -- JSON: a list of texts, a text, or as it came
    ai_analysis_recruiter_why_not_hire  TEXT,              -- JSON, likewise
    recruiter_go_next_round             INTEGER,
    pdf_export_url                      TEXT,
    reason                              TEXT,
    extra                               TEXT    NOT NULL DEFAULT '{}',  -- unknown keys, as they came
    first_delivery_id                   INTEGER NOT NULL,  -- the first delivery about it: what they are filed under
    delivery_id                         INTEGER NOT NULL,  -- the delivery whose snapshot this is
    late_delivery_id                    INTEGER,           -- the newest late delivery: finds its repeats
    first_received_at                   TEXT    NOT NULL,
    updated_at                          TEXT    NOT NULL,
    erased_at                           TEXT,              -- a tombstone: nothing is recorded for it any more

    CONSTRAINT mojito_results_key PRIMARY KEY (endpoint, id),
    CONSTRAINT mojito_results_delivery FOREIGN KEY (delivery_id) REFERENCES mojito_deliveries (id),
    CONSTRAINT mojito_results_late_delivery FOREIGN KEY (late_delivery_id) REFERENCES mojito_deliveries (id),
    CONSTRAINT mojito_results_event CHECK
        (event = 'interview_result' OR event = 'interview_collected' OR event = 'interview_failed'),
    CONSTRAINT mojito_results_version CHECK (version >= 1),
    CONSTRAINT mojito_results_decision CHECK (recruiter_go_next_round IN (0, 1)),
    CONSTRAINT mojito_results_extra CHECK (json_valid(extra))
) STRICT;

-- The newest results first: the host's pages.
CREATE INDEX mojito_results_by_update ON mojito_results (updated_at);
-- Foreign keys: a delivery that is a result's current or newest late one is never pruned.
CREATE INDEX mojito_results_by_delivery ON mojito_results (delivery_id);
CREATE INDEX mojito_results_by_late_delivery ON mojito_results (late_delivery_id) WHERE late_delivery_id IS NOT NULL;

-- What a handler has to do, or has done, about a delivery.
--
-- state      moved in by               moved out by
-- pending    record, replay, release   claim, discard, erase
-- running    claim                     complete, retry, discard, release, rescue
-- retryable  retry, release, rescue    claim, discard, erase
-- completed  complete                  replay
-- discarded  retry, discard, rescue    replay
CREATE TABLE mojito_work (
    delivery_id  INTEGER NOT NULL,
    handler      TEXT    NOT NULL,
    first_delivery_id INTEGER NOT NULL,                -- with the handler: the line that it waits in, a result's
    state        TEXT    NOT NULL DEFAULT 'pending',
    attempt      INTEGER NOT NULL DEFAULT 0,           -- counted when claimed
    max_attempts INTEGER NOT NULL,
    due_at       TEXT,
    lease_until  TEXT,
    epoch        INTEGER NOT NULL DEFAULT 0,           -- rises at each claim: the fence
    last_error   TEXT,
    finished_at  TEXT,

    CONSTRAINT mojito_work_key PRIMARY KEY (delivery_id, handler),
    CONSTRAINT mojito_work_delivery FOREIGN KEY (delivery_id) REFERENCES mojito_deliveries (id) ON DELETE CASCADE,
    CONSTRAINT mojito_work_state CHECK
        (state = 'pending' OR state = 'running' OR state = 'retryable' OR state = 'completed' OR state = 'discarded'),
    CONSTRAINT mojito_work_attempt CHECK
        (attempt >= 0 AND max_attempts >= 1 AND attempt <= max_attempts AND epoch >= 0),
    CONSTRAINT mojito_work_started CHECK
        (state NOT IN ('running', 'retryable') OR attempt >= 1),
    CONSTRAINT mojito_work_due CHECK
        ((due_at IS NOT NULL) = (state IN ('pending', 'retryable'))),
    CONSTRAINT mojito_work_lease CHECK
        ((lease_until IS NOT NULL) = (state = 'running')),
    CONSTRAINT mojito_work_finished CHECK
        ((finished_at IS NOT NULL) = (state IN ('completed', 'discarded')))
) STRICT, WITHOUT ROWID;

-- Claim: what is due, in stored order.
CREATE INDEX mojito_work_by_due ON mojito_work (handler, due_at, delivery_id) WHERE due_at IS NOT NULL;
-- Claim: is anything earlier of the same result and handler unfinished?
CREATE INDEX mojito_work_open ON mojito_work (first_delivery_id, handler, delivery_id) WHERE finished_at IS NULL;
-- Rescue: whose lease has lapsed.
CREATE INDEX mojito_work_by_lease ON mojito_work (lease_until) WHERE lease_until IS NOT NULL;
-- What is dead, for the operator and for health.
CREATE INDEX mojito_work_discarded ON mojito_work (finished_at) WHERE state = 'discarded';

-- What operators did: who, what, when, how many.
CREATE TABLE mojito_audit (
    id       INTEGER NOT NULL CONSTRAINT mojito_audit_key PRIMARY KEY AUTOINCREMENT,
    at       TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    target   TEXT    NOT NULL,                         -- JSON: what was asked for; never a person's data
    reason   TEXT,
    affected INTEGER NOT NULL,

    CONSTRAINT mojito_audit_action CHECK (action IN ('replay', 'erase', 'prune', 'discard')),
    CONSTRAINT mojito_audit_affected CHECK (affected >= 0),
    CONSTRAINT mojito_audit_target CHECK (json_valid(target))
) STRICT;
