ALTER TABLE mojito_work DROP COLUMN has_attempts;
ALTER TABLE mojito_work DROP COLUMN started_at;
DROP TABLE mojito_attempts;
