-- The id that a gateway gave to a message and signed, where its scheme has one: the same in each of its retries.
ALTER TABLE mojito_deliveries ADD COLUMN message_id TEXT COLLATE "C"
    CONSTRAINT mojito_deliveries_message CHECK (length(message_id) BETWEEN 1 AND 255);

-- Record: has this id come before, with another body?
CREATE INDEX mojito_deliveries_by_message ON mojito_deliveries (endpoint, message_id) WHERE message_id IS NOT NULL;
