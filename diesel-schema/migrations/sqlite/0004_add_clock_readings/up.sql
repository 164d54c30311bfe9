-- Readings of the clock, one every six hours: a delivery is removed only where one of at least a day before says so too.
-- They also say between which moments a delivery was stored, where the clock of its `received_at` was wrong.
CREATE TABLE mojito_clock_readings (
    number           INTEGER NOT NULL CONSTRAINT mojito_clock_readings_key PRIMARY KEY, -- the order of storing
    at               TEXT    NOT NULL,
    last_delivery_id INTEGER NOT NULL                   -- the newest delivery of that moment; 0 where there was none
) STRICT;

-- By the clock that set `lease_until` or `due_at`: when. The difference is the lease, or the pause, that was meant.
-- Null where a version before this one has set it.
ALTER TABLE mojito_work ADD COLUMN measured_from TEXT;
