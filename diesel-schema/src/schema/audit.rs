use diesel::prelude::*;

use crate::{Action, Timestamp};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The actions of operators.
    #[sql_name = "mojito_audit"]
    audit (id) {
        /// Rises with time.
        id -> BigInt,
        /// When it began.
        at -> UtcTimestamp,
        /// The operator.
        actor -> Text,
        /// An [`Action`](crate::Action).
        action -> Text,
        /// The request as JSON; never a person's data.
        target -> Text,
        /// The operator's reason.
        reason -> Nullable<Text>,
        /// The number of rows that it concerned.
        affected -> BigInt,
    }
}

/// An operator's action.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit)]
#[non_exhaustive]
pub struct AuditRow {
    /// Rises with time.
    pub id: i64,
    /// When it began.
    pub at: Timestamp,
    /// The operator.
    pub actor: String,
    /// The action.
    pub action: Action,
    /// The request as JSON.
    pub target: String,
    /// The operator's reason.
    pub reason: Option<String>,
    /// The number of rows that it concerned.
    pub affected: i64,
}
