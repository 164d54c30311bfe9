//! One file per table: the table, its row, and the queries on it.
//!
//! Queries are values here; the verbs and the backends run them.

pub(crate) mod audit;
pub(crate) mod clock_readings;
pub(crate) mod deliveries;
pub(crate) mod handlers;
pub(crate) mod line;
pub(crate) mod migrations;
pub(crate) mod results;
pub(crate) mod work;

mod joined {
    use super::audit::audit;
    use super::deliveries::deliveries;
    use super::handlers::handlers;
    use super::results::results;
    use super::work::work;

    diesel::allow_tables_to_appear_in_same_query!(audit, deliveries, handlers, results, work);
}
