ALTER TABLE mojito_work DROP COLUMN measured_from;
DROP TABLE mojito_clock_readings;
