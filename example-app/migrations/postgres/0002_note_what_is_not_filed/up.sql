-- A delivery that the desk could not file is noted.
ALTER TABLE application_notices
    DROP CONSTRAINT application_notices_notice,
    ADD CONSTRAINT application_notices_notice CHECK
        (notice IN ('advanced', 'declined', 'reopened', 'withdrawn', 'report_available', 'score_changed', 'not_filed'));

-- The hook that notes it may be called twice.
CREATE UNIQUE INDEX application_notices_not_filed ON application_notices (delivery_id) WHERE notice = 'not_filed';
