use diesel::prelude::*;

use super::text_enum::text_enum;
use crate::Timestamp;

text_enum! {
    /// A kind of thing that an operator can pause.
    PauseKind {
        /// An endpoint: its deliveries are answered 503.
        Endpoint = "endpoint",
        /// A handler: nothing is claimed for it.
        Handler = "handler",
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The endpoints and handlers that an operator has paused, for every process.
    #[sql_name = "mojito_pauses"]
    pauses (kind, name) {
        /// A [`PauseKind`](crate::PauseKind).
        kind -> Text,
        /// The name of the endpoint or handler.
        name -> Text,
        /// When it was paused.
        since -> UtcTimestamp,
        /// The operator.
        actor -> Text,
        /// The operator's reason.
        reason -> Nullable<Text>,
    }
}

/// An endpoint or a handler that an operator has paused.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = pauses)]
pub struct PauseRow {
    /// The kind of thing that is paused.
    pub kind: PauseKind,
    /// The name of the endpoint or handler.
    pub name: String,
    /// When it was paused.
    pub since: Timestamp,
    /// The operator.
    pub actor: String,
    /// The operator's reason.
    pub reason: Option<String>,
}
