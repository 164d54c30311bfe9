DROP TABLE mojito_audit;
DROP TABLE mojito_work;
DROP TABLE mojito_results;
DROP TABLE mojito_deliveries;
DROP FUNCTION mojito_work_is_sound;
DROP FUNCTION mojito_delivery_is_sound;
