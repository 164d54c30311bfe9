DROP INDEX mojito_deliveries_unread_of_result;
DROP INDEX mojito_work_dead;
DROP INDEX mojito_work_retryable;
DROP FUNCTION mojito_promote;
UPDATE mojito_work SET due_at = '-infinity' WHERE state = 'pending' AND due_at IS NULL;
ALTER TABLE mojito_work DROP COLUMN is_first;
CREATE INDEX mojito_work_by_due ON mojito_work (handler, due_at, delivery_id) WHERE due_at IS NOT NULL;
CREATE INDEX mojito_work_open ON mojito_work (first_delivery_id, handler, delivery_id) WHERE finished_at IS NULL;
CREATE INDEX mojito_work_discarded ON mojito_work (finished_at) WHERE state = 'discarded';
