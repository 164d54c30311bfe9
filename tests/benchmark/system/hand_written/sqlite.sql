CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    result_id TEXT NOT NULL,
    received_at TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX deliveries_by_result ON deliveries (result_id);

CREATE TABLE results (
    id TEXT PRIMARY KEY NOT NULL,
    interview_id TEXT,
    question_set_id TEXT,
    status TEXT,
    interview_status TEXT,
    processing_status TEXT,
    profile_interview_id TEXT,
    profile_id TEXT,
    candidate_external_id TEXT,
    candidate_name TEXT,
    candidate_email TEXT,
    candidate_phone_number TEXT,
    score REAL,
    ai_analysis_recruiter_score REAL,
    ai_analysis TEXT,
    ai_analysis_recruiter TEXT,
    ai_analysis_recruiter_why_hire TEXT,
    ai_analysis_recruiter_why_not_hire TEXT,
    recruiter_go_next_round INTEGER,
    pdf_export_url TEXT,
    reason TEXT,
    updated_at TEXT NOT NULL
) STRICT;
