use diesel::prelude::*;

use crate::{Action, ActionState, Timestamp};

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
        /// The number of rows that it has concerned so far.
        affected -> BigInt,
        /// An [`ActionState`](crate::ActionState).
        state -> Text,
        /// The number of rows that it is meant to concern, where it was counted.
        meant -> Nullable<BigInt>,
        /// The delivery up to which it is done.
        cursor -> Nullable<BigInt>,
        /// The token of the process that executes it: random, compared for equality alone.
        epoch -> Nullable<BigInt>,
        /// While it runs: when another process may take it over.
        lease_until -> Nullable<UtcTimestamp>,
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
    /// The number of rows that it has concerned so far.
    pub affected: i64,
    /// How far it has come.
    pub state: ActionState,
    /// The number of rows that it is meant to concern. None where they were not counted beforehand. Rows that were left
    /// alone, since they run or have changed, are missing in `affected` at the end.
    pub meant: Option<i64>,
}
