DROP TABLE mojito_seen;
DROP INDEX mojito_work_failed;
ALTER TABLE mojito_work DROP COLUMN error_group;
