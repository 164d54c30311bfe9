//! One file per table: the table, its rows, and every query on it.

pub(crate) mod applications;
pub(crate) mod candidates;
pub(crate) mod deliveries;
pub(crate) mod events;
pub(crate) mod notices;

mod joined {
    use mojito_schema::results;

    use super::applications::applications;
    use super::notices::application_notices;

    diesel::allow_tables_to_appear_in_same_query!(applications, results);
    diesel::allow_tables_to_appear_in_same_query!(application_notices, results);
}
