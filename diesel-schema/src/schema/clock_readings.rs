use diesel::prelude::*;

use crate::Timestamp;

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// Readings of the clock.
    #[sql_name = "mojito_clock_readings"]
    clock_readings (number) {
        /// Rises with the order in which readings were stored.
        number -> BigInt,
        /// The moment that the clock showed.
        at -> UtcTimestamp,
        /// The newest delivery that was stored then; 0 where there was none.
        last_delivery_id -> BigInt,
    }
}

/// A stored reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = clock_readings)]
pub(crate) struct ClockReading {
    /// Rises with the order in which readings were stored.
    pub number: i64,
    /// The moment that the clock showed.
    pub at: Timestamp,
    /// The newest delivery that was stored then; 0 where there was none.
    pub last_delivery_id: i64,
}
