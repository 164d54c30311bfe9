//! The tables that hosts read: one file per table, with its row and the queries on it, and the values that columns hold.
//!
//! Queries are values here; the engine runs them.

pub(crate) mod action;
pub(crate) mod attempts;
pub(crate) mod audit;
pub(crate) mod claim;
pub(crate) mod clock_readings;
pub(crate) mod deliveries;
pub(crate) mod event_kind;
pub(crate) mod field;
pub(crate) mod finding;
pub(crate) mod handlers;
pub(crate) mod joinable;
pub(crate) mod json_text;
pub(crate) mod line;
pub(crate) mod migrations;
pub(crate) mod pauses;
pub(crate) mod results;
pub(crate) mod seen;
pub(crate) mod standing;
pub(crate) mod state;
pub(crate) mod text_enum;
pub(crate) mod timestamp;
pub(crate) mod versions;
pub(crate) mod work;

mod joined {
    use super::attempts::attempts;
    use super::audit::audit;
    use super::deliveries::deliveries;
    use super::handlers::handlers;
    use super::results::results;
    use super::work::work;

    diesel::allow_tables_to_appear_in_same_query!(attempts, audit, deliveries, handlers, results, work);
}
