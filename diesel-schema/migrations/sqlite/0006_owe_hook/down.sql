DROP INDEX mojito_work_by_hook;
ALTER TABLE mojito_work DROP COLUMN hook_due_at;
