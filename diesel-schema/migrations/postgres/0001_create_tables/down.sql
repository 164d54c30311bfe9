DROP TABLE mojito_audit;
DROP TABLE mojito_work;
DROP TABLE mojito_results;
DROP TABLE mojito_deliveries;
