ALTER TABLE mojito_work DROP COLUMN was_promoted;
