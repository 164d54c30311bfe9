DROP TABLE application_notices;
DROP TABLE application_events;
DROP TABLE applications;
