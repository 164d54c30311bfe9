INSERT INTO mojito_deliveries (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id,
    received_at, body, repeat_count, last_repeat_at, changes, findings, message_id, dismissed_at)
VALUES
    (1, 'default', 'interview_collected', 'canary_1', 1, 1, 'current', randomblob(32), '2026', '2026-01-01 00:00:00.000001',
        NULL, 2, '2026-01-02 23:59:59.999999', '["status","score"]', '[{"code":"recurrence","field":null}]', NULL, NULL),
    (2, 'default', 'interview_result', 'canary_1', 1, 2, 'current', randomblob(32), '2026', '2026-01-01 00:00:01.500000',
        x'7b0022fffe0a', 0, NULL, '[]', '[]', 'msg_1', NULL),
    (3, 'default', 'interview_collected', 'canary_1', 1, NULL, 'late', randomblob(32), '2027', '0001-01-01 00:00:00.000000',
        randomblob(3000000), 0, NULL, '[]', '[]', 'msg_2', NULL),
    (4, 'berlin', 'unknown', NULL, NULL, NULL, 'quarantined', randomblob(32), '2026', '2026-02-28 12:00:00.123456',
        x'', 0, NULL, '[]', '[{"code":"not_json","field":null}]', NULL, '2026-03-01 00:00:00.000000'),
    (5, 'berlin', 'interview_failed', 'canary_1', 5, 1, 'current', randomblob(32), '2026', '9999-12-31 23:59:59.999999',
        NULL, 0, NULL, '[]', '[]', NULL, NULL);

INSERT INTO mojito_results (endpoint, id, event, version, interview_id, question_set_id, status, interview_status,
    processing_status, profile_interview_id, profile_id, candidate_external_id, candidate_name, candidate_email,
    candidate_phone_number, score, ai_analysis_recruiter_score, ai_analysis, ai_analysis_recruiter,
    ai_analysis_recruiter_why_hire, ai_analysis_recruiter_why_not_hire, recruiter_go_next_round, pdf_export_url, reason, extra,
    first_delivery_id, delivery_id, late_delivery_id, first_received_at, updated_at, erased_at)
VALUES
    ('default', 'canary_1', 'interview_result', 2, 'i', 'q', 'active', 'completed', 'done', 'pi', 'p', 'x', 'Zoë "canary" 💼',
        'canary@example.com', '+49', 4.212, 0.30000000000000004, 'line
and line', '', '["a", "b"]', '"c"', 0, 'https://canary', 'score', '{"new": 1.50, "nul": "\u0000", "canary": {}}',
        1, 2, 3, '2026-01-01 00:00:00.000001', '2026-01-01 00:00:01.500000', NULL),
    ('berlin', 'canary_1', 'interview_failed', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', 5, 5, NULL, '2026-01-03 00:00:00.000000', '2026-01-03 00:00:00.000000',
        '2026-01-04 00:00:00.654321');

INSERT INTO mojito_work (delivery_id, handler, first_delivery_id, state, attempt, max_attempts, due_at, lease_until, epoch,
    last_error, finished_at, is_first, measured_from, hook_due_at, started_at, has_attempts, dismissed_at, error_group,
    is_replayed)
VALUES
    (1, 'Desk', 1, 'discarded', 3, 3, NULL, NULL, 9223372036854775807, 'canary 100', '2026-01-01 00:01:00.000000', 0, NULL,
        '2026-01-01 00:02:00.000000', '2026-01-01 00:00:59.000000', 1, '2026-01-05 00:00:00.000000', 'canary #', 0),
    (2, 'Desk', 1, 'running', 1, 3, NULL, '9998-01-01 00:00:00.000000', 4611686018427387904, NULL, NULL, 1,
        '2026-01-01 00:01:01.000000', NULL, '2026-01-01 00:01:01.000000', 0, NULL, NULL, 1),
    (3, 'Desk', 1, 'pending', 0, 3, NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, 0, NULL, NULL, 0),
    (1, 'Ledger', 1, 'skipped', 0, 25, NULL, NULL, 0, NULL, '2026-01-01 00:01:00.000000', 0, NULL, NULL, NULL, 0, NULL, NULL, 0),
    (2, 'Ledger', 1, 'retryable', 1, 25, '2026-01-09 00:00:00.000007', NULL, 7, 'canary', NULL, 1,
        '2026-01-08 00:00:00.000000', NULL, '2026-01-07 00:00:00.000000', 1, NULL, 'canary', 0),
    (5, 'Ledger', 5, 'completed', 1, 25, NULL, NULL, 8, NULL, '2026-01-03 00:00:01.000000', 0, NULL, NULL,
        '2026-01-03 00:00:00.000000', 0, NULL, NULL, 0);

INSERT INTO mojito_attempts (id, delivery_id, handler, attempt, started_at, ended_at, outcome, error)
VALUES
    (1, 1, 'Desk', 1, NULL, '2026-01-01 00:00:58.000000', 'lapsed', NULL),
    (4, 1, 'Desk', 3, '2026-01-01 00:00:59.000000', '2026-01-01 00:01:00.000000', 'discarded', 'canary 100');

INSERT INTO mojito_handlers (name, takes_late, wants, max_attempts, has_erased_hook, first_seen, last_seen, retired_at,
    recorded_up_to)
VALUES
    ('Desk', 1, 'every', 3, 0, '2025-12-31 00:00:00.000000', '2026-01-01 00:00:00.000000', NULL, NULL),
    ('Ledger', 0, 'latest', 25, 1, '2025-12-31 00:00:00.000000', '2026-01-01 00:00:00.000000', '2026-01-06 00:00:00.000000', 5);

INSERT INTO mojito_seen (endpoint, secret_id, last_used_at) VALUES ('default', '2026', '2026-01-01 00:00:00.000001');

INSERT INTO mojito_pauses (kind, name, since, actor, reason)
VALUES
    ('handler', 'Desk', '2026-01-01 00:00:00.000001', 'anna', 'no paper'),
    ('endpoint', 'Desk', '2026-01-01 00:00:00.000001', 'anna', NULL);

INSERT INTO mojito_clock_readings (number, at, last_delivery_id) VALUES (7, '2026-01-01 00:00:00.000001', 4);

INSERT INTO mojito_audit (id, at, actor, action, target, reason, affected, state, meant, cursor, epoch, lease_until)
VALUES
    (1, '2026-01-01 00:00:00.000001', 'anna', 'erase', '{"results": 1}', 'a wish', 3, 'done', NULL, NULL, NULL, NULL),
    (2, '2026-01-01 00:00:00.000001', 'anna', 'replay', '{"selection": {}}', NULL, 3, 'running', 9, 2, 5,
        '9998-01-01 00:00:00.000000');

-- The newest rows of these tables are gone.
UPDATE sqlite_sequence SET seq = 9 WHERE name = 'mojito_deliveries';
UPDATE sqlite_sequence SET seq = 7 WHERE name = 'mojito_audit';
