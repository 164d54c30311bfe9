use diesel::prelude::*;

use crate::{Action, Timestamp};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// What operators did.
    #[sql_name = "mojito_audit"]
    audit (id) {
        /// Rises with time.
        id -> BigInt,
        /// When.
        at -> UtcTimestamp,
        /// Who.
        actor -> Text,
        /// An [`Action`](crate::Action).
        action -> Text,
        /// JSON: what was asked for; never a person's data.
        target -> Text,
        /// Why.
        reason -> Nullable<Text>,
        /// How many rows it concerned.
        affected -> BigInt,
    }
}

/// What an operator did.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit)]
#[non_exhaustive]
pub struct AuditRow {
    /// Rises with time.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: Action,
    /// JSON: what was asked for.
    pub target: String,
    /// Why.
    pub reason: Option<String>,
    /// How many rows it concerned.
    pub affected: i64,
}
