use diesel::prelude::*;

use crate::Timestamp;

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// When each secret of an endpoint was last used.
    #[sql_name = "mojito_seen"]
    seen (endpoint, secret_id) {
        endpoint -> Text,
        secret_id -> Text,
        /// When a delivery that the secret authenticated was last recorded: written at most once a minute by each
        /// process.
        last_used_at -> UtcTimestamp,
    }
}

/// The last use of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Queryable, Selectable, Insertable)]
#[diesel(table_name = seen)]
pub struct SecretUse {
    /// The endpoint.
    pub endpoint: String,
    /// The id of the endpoint's secret.
    pub secret_id: String,
    /// When a delivery that it authenticated was last recorded.
    pub last_used_at: Timestamp,
}
