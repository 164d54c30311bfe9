use super::deliveries::deliveries;
use super::results::results;
use super::work::work;

diesel::joinable!(work -> deliveries (delivery_id));
diesel::joinable!(results -> deliveries (delivery_id));

/// Lets tables of yours stand in one query with the plugin's tables. Name them where their modules are in scope.
///
/// Diesel's `allow_tables_to_appear_in_same_query!` takes only tables of one crate, once Diesel's feature for Postgres
/// is on anywhere in the workspace. This macro works with either database.
///
/// ```
/// use diesel::prelude::*;
/// use mojito_schema::results;
///
/// diesel::table! { offers (result_id) { result_id -> Text, salary -> BigInt } }
/// mojito_schema::joinable!(offers);
///
/// /// The offers whose candidates still have a result, with the name that it states.
/// fn offered(connection: &mut SqliteConnection) -> QueryResult<Vec<(i64, Option<String>)>> {
///     offers::table
///         .inner_join(results::table.on(results::id.eq(offers::result_id)))
///         .select((offers::salary, results::candidate_name))
///         .load(connection)
/// }
/// ```
///
/// The plugin's own tables need no macro: `work` and `results` join `deliveries` by their `delivery_id`.
#[macro_export]
macro_rules! joinable {
    ($($table:ident),+ $(,)?) => {
        $(
            impl $crate::TableNotEqual<$crate::audit::table> for $table::table {}
            impl $crate::TableNotEqual<$table::table> for $crate::audit::table {}
            impl $crate::TableNotEqual<$crate::deliveries::table> for $table::table {}
            impl $crate::TableNotEqual<$table::table> for $crate::deliveries::table {}
            impl $crate::TableNotEqual<$crate::handlers::table> for $table::table {}
            impl $crate::TableNotEqual<$table::table> for $crate::handlers::table {}
            impl $crate::TableNotEqual<$crate::results::table> for $table::table {}
            impl $crate::TableNotEqual<$table::table> for $crate::results::table {}
            impl $crate::TableNotEqual<$crate::work::table> for $table::table {}
            impl $crate::TableNotEqual<$table::table> for $crate::work::table {}
        )+
    };
}
