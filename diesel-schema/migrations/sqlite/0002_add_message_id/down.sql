DROP INDEX mojito_deliveries_by_message;
ALTER TABLE mojito_deliveries DROP COLUMN message_id;
