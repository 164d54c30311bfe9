use std::fmt;

use diesel::prelude::*;

use super::field::Changes;
use super::finding::Findings;
use crate::{EventKind, Standing, Timestamp};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// Accepted deliveries that are not repeats.
    #[sql_name = "mojito_deliveries"]
    deliveries (id) {
        /// Rises with the order in which deliveries were stored.
        id -> BigInt,
        /// The endpoint that it came to.
        endpoint -> Text,
        /// An [`EventKind`](crate::EventKind).
        event -> Text,
        /// The vendor's id of the interview result, where the body tells it.
        result_id -> Nullable<Text>,
        /// The first delivery about the same result: the key to all of them. Null for a quarantined delivery.
        first_delivery_id -> Nullable<BigInt>,
        /// From 1, without gaps, per result; null for late and quarantined deliveries.
        version -> Nullable<BigInt>,
        /// A [`Standing`](crate::Standing), never `repeat`.
        standing -> Text,
        /// SHA-256 over endpoint, event and raw body.
        fingerprint -> Binary,
        /// The id of the endpoint's secret that matched.
        secret_id -> Text,
        /// When its last byte had arrived.
        received_at -> UtcTimestamp,
        /// The raw bytes; null once pruned or erased.
        body -> Nullable<Binary>,
        /// The number of its repeats.
        repeat_count -> BigInt,
        /// When the last repeat came.
        last_repeat_at -> Nullable<UtcTimestamp>,
        /// JSON array of the vendor's field names.
        changes -> Text,
        /// JSON array of `{"code", "field"}`.
        findings -> Text,
        /// The id that a gateway gave to the message and signed.
        message_id -> Nullable<Text>,
        /// When an operator dismissed it. It counts for a quarantined delivery alone.
        dismissed_at -> Nullable<UtcTimestamp>,
    }
}

/// A stored delivery. `Debug` shows neither its body nor its result.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
#[non_exhaustive]
pub struct DeliveryRow {
    /// Rises with the order in which deliveries were stored.
    pub id: i64,
    /// The endpoint that it came to.
    pub endpoint: String,
    /// The kind of event that it reports.
    pub event: EventKind,
    /// The vendor's id of the interview result, where the body tells it.
    pub result_id: Option<String>,
    /// The first delivery about the same result, which may be this one; none for a quarantined delivery.
    pub first_delivery_id: Option<i64>,
    /// From 1, without gaps, per result; none for late and quarantined deliveries.
    pub version: Option<i64>,
    /// The delivery's standing.
    pub standing: Standing,
    /// SHA-256 over endpoint, event and raw body.
    pub fingerprint: Vec<u8>,
    /// The id of the endpoint's secret that matched.
    pub secret_id: String,
    /// When its last byte had arrived.
    pub received_at: Timestamp,
    /// The raw bytes; none once pruned or erased.
    pub body: Option<Vec<u8>>,
    /// The number of its repeats.
    pub repeat_count: i64,
    /// When the last repeat came.
    pub last_repeat_at: Option<Timestamp>,
    /// The fields that changed with it.
    pub changes: Changes,
    /// The findings about it.
    pub findings: Findings,
    /// The id that a gateway gave to the message and signed, where its scheme has one: the same in each retry.
    pub message_id: Option<String>,
}

impl fmt::Debug for DeliveryRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryRow")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("version", &self.version)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// The condition of a delivery in quarantine that nobody has dismissed, in the words of its index.
pub(crate) const UNDISMISSED: &str = "standing = 'quarantined' AND dismissed_at IS NULL";

/// A stored delivery with the same bytes as a new one.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct StoredCopy {
    /// The stored delivery.
    pub id: i64,
    /// The delivery's standing.
    pub standing: Standing,
    /// The id that its gateway gave it.
    pub message_id: Option<String>,
}

/// The insert form of a delivery.
#[derive(AsChangeset)]
#[diesel(table_name = deliveries)]
pub(crate) struct DeliveryInsert<'a> {
    pub id: i64,
    pub endpoint: &'a str,
    pub event: EventKind,
    pub result_id: Option<&'a str>,
    pub first_delivery_id: Option<i64>,
    pub version: Option<i64>,
    pub standing: Standing,
    pub fingerprint: &'a [u8],
    pub secret_id: &'a str,
    pub received_at: Timestamp,
    pub body: &'a [u8],
    pub changes: Changes,
    pub findings: Findings,
    pub message_id: Option<&'a str>,
}
