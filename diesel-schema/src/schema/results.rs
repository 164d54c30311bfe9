use std::fmt;

use diesel::prelude::*;

use crate::{EventKind, Field, Timestamp};

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
        /// The number of snapshots so far.
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
        /// The first delivery about it: the key to all its deliveries.
        first_delivery_id -> BigInt,
        /// The delivery whose snapshot this is.
        delivery_id -> BigInt,
        /// The newest late delivery.
        late_delivery_id -> Nullable<BigInt>,
        /// When its first delivery had arrived.
        first_received_at -> UtcTimestamp,
        /// When the state last changed.
        updated_at -> UtcTimestamp,
        /// When it was erased. The row is then a tombstone: nothing is recorded for it any more.
        erased_at -> Nullable<UtcTimestamp>,
    }
}

/// The fields that a delivery carries about its result, as the columns hold them. Each delivery is a full snapshot.
///
/// Texts are free of NUL and lone surrogates (U+FFFD stands in their place); the delivery's raw body keeps them.
/// `Debug` names the filled fields and shows no values: they are a candidate's data.
#[derive(Clone, Default, PartialEq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = results, treat_none_as_null = true, treat_none_as_default_value = false)]
#[non_exhaustive]
pub struct Snapshot {
    /// `interview_id`.
    pub interview_id: Option<String>,
    /// `question_set_id`.
    pub question_set_id: Option<String>,
    /// `status`, the vendor's text.
    pub status: Option<String>,
    /// `interview_status`, the vendor's text.
    pub interview_status: Option<String>,
    /// `processing_status`, the vendor's text.
    pub processing_status: Option<String>,
    /// `profile_interview_id`.
    pub profile_interview_id: Option<String>,
    /// `profile_id`.
    pub profile_id: Option<String>,
    /// `candidate_external_id`.
    pub candidate_external_id: Option<String>,
    /// `candidate_name`.
    pub candidate_name: Option<String>,
    /// `candidate_email`.
    pub candidate_email: Option<String>,
    /// `candidate_phone_number`.
    pub candidate_phone_number: Option<String>,
    /// `score`, as the nearest double.
    pub score: Option<f64>,
    /// `ai_analysis_recruiter_score`, as the nearest double.
    pub ai_analysis_recruiter_score: Option<f64>,
    /// `ai_analysis`.
    pub ai_analysis: Option<String>,
    /// `ai_analysis_recruiter`.
    pub ai_analysis_recruiter: Option<String>,
    /// `ai_analysis_recruiter_why_hire`, as JSON.
    pub ai_analysis_recruiter_why_hire: Option<String>,
    /// `ai_analysis_recruiter_why_not_hire`, as JSON.
    pub ai_analysis_recruiter_why_not_hire: Option<String>,
    /// `recruiter_go_next_round`.
    pub recruiter_go_next_round: Option<bool>,
    /// `pdf_export_url`.
    pub pdf_export_url: Option<String>,
    /// `reason`.
    pub reason: Option<String>,
    /// Unknown keys as one JSON object, each value as it was sent.
    pub extra: String,
}

impl Snapshot {
    /// The snapshot without any field. A first version is compared with it, and an erased result keeps it.
    pub fn empty() -> Self {
        Self { extra: "{}".to_owned(), ..Self::default() }
    }

    /// The fields in which `self` differs from `former`, in the vendor's order.
    ///
    /// `id`, `reason` and unknown keys are never among them. Absent and null are the same; numbers are compared as the
    /// stored doubles.
    pub fn changes_since(&self, former: &Self) -> Vec<Field> {
        Field::ALL.iter().copied().filter(|field| self.differs(former, *field)).collect()
    }

    fn differs(&self, former: &Self, field: Field) -> bool {
        match field {
            Field::Id | Field::Reason => false,
            Field::InterviewId => self.interview_id != former.interview_id,
            Field::QuestionSetId => self.question_set_id != former.question_set_id,
            Field::Status => self.status != former.status,
            Field::InterviewStatus => self.interview_status != former.interview_status,
            Field::ProcessingStatus => self.processing_status != former.processing_status,
            Field::ProfileInterviewId => self.profile_interview_id != former.profile_interview_id,
            Field::ProfileId => self.profile_id != former.profile_id,
            Field::CandidateExternalId => self.candidate_external_id != former.candidate_external_id,
            Field::CandidateName => self.candidate_name != former.candidate_name,
            Field::CandidateEmail => self.candidate_email != former.candidate_email,
            Field::CandidatePhoneNumber => self.candidate_phone_number != former.candidate_phone_number,
            Field::Score => self.score != former.score,
            Field::AiAnalysisRecruiterScore => self.ai_analysis_recruiter_score != former.ai_analysis_recruiter_score,
            Field::AiAnalysis => self.ai_analysis != former.ai_analysis,
            Field::AiAnalysisRecruiter => self.ai_analysis_recruiter != former.ai_analysis_recruiter,
            Field::WhyHire => self.ai_analysis_recruiter_why_hire != former.ai_analysis_recruiter_why_hire,
            Field::WhyNotHire => self.ai_analysis_recruiter_why_not_hire != former.ai_analysis_recruiter_why_not_hire,
            Field::RecruiterGoNextRound => self.recruiter_go_next_round != former.recruiter_go_next_round,
            Field::PdfExportUrl => self.pdf_export_url != former.pdf_export_url,
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled = self.changes_since(&Self::empty());
        f.debug_struct("Snapshot").field("filled", &filled).finish_non_exhaustive()
    }
}

/// The current state of one interview result. `Debug` shows nothing of the candidate.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = results, treat_none_as_null = true)]
#[non_exhaustive]
pub struct ResultRow {
    /// The endpoint that its deliveries came to.
    pub endpoint: String,
    /// The vendor's id.
    pub id: String,
    /// The event whose snapshot this is.
    pub event: EventKind,
    /// The number of snapshots so far.
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
    pub first_received_at: Timestamp,
    /// When the state last changed.
    pub updated_at: Timestamp,
    /// When it was erased, if it was.
    pub erased_at: Option<Timestamp>,
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

/// The insert form of a result.
pub(crate) struct ResultInsert<'a> {
    pub state: ResultWrite<'a>,
    pub snapshot: &'a Snapshot,
}

/// The columns of a result beside its snapshot.
#[derive(AsChangeset)]
#[diesel(table_name = results, treat_none_as_null = true, primary_key(endpoint, id))]
pub(crate) struct ResultWrite<'a> {
    pub endpoint: &'a str,
    pub id: &'a str,
    pub event: EventKind,
    pub version: i64,
    pub first_delivery_id: i64,
    pub delivery_id: i64,
    pub late_delivery_id: Option<i64>,
    pub first_received_at: Timestamp,
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_version_is_compared_with_an_empty_one() {
        let mut first = Snapshot::empty();
        first.status = Some("active".into());
        first.score = Some(4.212);
        first.reason = Some("score".into());
        first.extra = r#"{"new":1}"#.into();

        let changes = first.changes_since(&Snapshot::empty());

        assert_eq!(changes, [Field::Status, Field::Score]);
    }

    #[test]
    fn debug_shows_no_candidate() {
        let mut snapshot = Snapshot::empty();
        snapshot.candidate_name = Some("Canary".into());

        assert_eq!(format!("{snapshot:?}"), "Snapshot { filled: [CandidateName], .. }");
    }
}
