use std::fmt;

use diesel::dsl::auto_type;
use diesel::prelude::*;

#[cfg(feature = "postgres")]
use crate::deliveries;
use crate::{EventKind, Snapshot, Utc};

diesel::table! {
    use diesel::sql_types::*;
    use crate::UtcTimestamp;

    /// The current state of each interview result, under the vendor's own names. Yours to read.
    #[sql_name = "mojito_results"]
    results (endpoint, id) {
        /// The endpoint that its deliveries came to.
        endpoint -> Text,
        /// The vendor's id, compared byte for byte.
        id -> Text,
        /// The event whose snapshot this is.
        event -> Text,
        /// How many snapshots there have been.
        version -> BigInt,
        /// The vendor's `interview_id`.
        interview_id -> Nullable<Text>,
        /// The vendor's `question_set_id`.
        question_set_id -> Nullable<Text>,
        /// The vendor's `status`.
        status -> Nullable<Text>,
        /// The vendor's `interview_status`.
        interview_status -> Nullable<Text>,
        /// The vendor's `processing_status`.
        processing_status -> Nullable<Text>,
        /// The vendor's `profile_interview_id`.
        profile_interview_id -> Nullable<Text>,
        /// The vendor's `profile_id`.
        profile_id -> Nullable<Text>,
        /// The vendor's `candidate_external_id`.
        candidate_external_id -> Nullable<Text>,
        /// The vendor's `candidate_name`.
        candidate_name -> Nullable<Text>,
        /// The vendor's `candidate_email`.
        candidate_email -> Nullable<Text>,
        /// The vendor's `candidate_phone_number`.
        candidate_phone_number -> Nullable<Text>,
        /// The vendor's `score`.
        score -> Nullable<Double>,
        /// The vendor's `ai_analysis_recruiter_score`.
        ai_analysis_recruiter_score -> Nullable<Double>,
        /// The vendor's `ai_analysis`.
        ai_analysis -> Nullable<Text>,
        /// The vendor's `ai_analysis_recruiter`.
        ai_analysis_recruiter -> Nullable<Text>,
        /// The vendor's `ai_analysis_recruiter_why_hire`, as JSON.
        ai_analysis_recruiter_why_hire -> Nullable<Text>,
        /// The vendor's `ai_analysis_recruiter_why_not_hire`, as JSON.
        ai_analysis_recruiter_why_not_hire -> Nullable<Text>,
        /// The vendor's `recruiter_go_next_round`.
        recruiter_go_next_round -> Nullable<Bool>,
        /// The vendor's `pdf_export_url`. Treat it as a secret.
        pdf_export_url -> Nullable<Text>,
        /// The vendor's `reason`.
        reason -> Nullable<Text>,
        /// Unknown keys as one JSON object.
        extra -> Text,
        /// The first delivery about it: what all of them are filed under.
        first_delivery_id -> BigInt,
        /// The delivery whose snapshot this is.
        delivery_id -> BigInt,
        /// The newest late delivery.
        late_delivery_id -> Nullable<BigInt>,
        /// When its first delivery had arrived.
        first_received_at -> UtcTimestamp,
        /// When the state last changed.
        updated_at -> UtcTimestamp,
        /// When it was erased: a tombstone, nothing is recorded for it any more.
        erased_at -> Nullable<UtcTimestamp>,
    }
}

/// The current state of one interview result. `Debug` shows nothing of the candidate.
#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = results, treat_none_as_null = true)]
#[non_exhaustive]
pub struct ResultRow {
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id.
    pub id: String,
    /// The event whose snapshot this is.
    pub event: EventKind,
    /// How many snapshots there have been.
    pub version: i64,
    /// The fields of the payload.
    #[diesel(embed)]
    pub snapshot: Snapshot,
    /// The first delivery about it.
    pub first_delivery_id: i64,
    /// The delivery whose snapshot this is.
    pub delivery_id: i64,
    /// The newest late delivery.
    pub late_delivery_id: Option<i64>,
    /// When its first delivery had arrived.
    pub first_received_at: Utc,
    /// When the state last changed.
    pub updated_at: Utc,
    /// When it was erased, if it was.
    pub erased_at: Option<Utc>,
}

impl fmt::Debug for ResultRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultRow")
            .field("endpoint", &self.endpoint)
            .field("event", &self.event)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The delivery that is the state of a result.
#[cfg(feature = "sqlite")]
#[auto_type(no_type_alias)]
pub(crate) fn current_delivery<'a>(endpoint: &'a str, id: &'a str) -> _ {
    results::table.find((endpoint, id)).select(results::delivery_id)
}

/// The delivery that the result of a delivery stands at.
#[cfg(feature = "postgres")]
#[auto_type(no_type_alias)]
pub(crate) fn current_of_delivery() -> _ {
    results::table
        .filter(results::endpoint.eq(deliveries::endpoint))
        .filter(results::id.nullable().eq(deliveries::result_id))
        .select(results::delivery_id)
}
