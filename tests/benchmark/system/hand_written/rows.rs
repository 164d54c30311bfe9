use diesel::prelude::*;
use serde_json::value::RawValue;

use crate::payload::Payload;

diesel::table! {
    /// What was received.
    deliveries (id) {
        id -> BigInt,
        event -> Text,
        result_id -> Text,
        received_at -> Timestamp,
        body -> Binary,
    }
}

diesel::table! {
    /// The current state of each interview result.
    results (id) {
        id -> Text,
        interview_id -> Nullable<Text>,
        question_set_id -> Nullable<Text>,
        status -> Nullable<Text>,
        interview_status -> Nullable<Text>,
        processing_status -> Nullable<Text>,
        profile_interview_id -> Nullable<Text>,
        profile_id -> Nullable<Text>,
        candidate_external_id -> Nullable<Text>,
        candidate_name -> Nullable<Text>,
        candidate_email -> Nullable<Text>,
        candidate_phone_number -> Nullable<Text>,
        score -> Nullable<Double>,
        ai_analysis_recruiter_score -> Nullable<Double>,
        ai_analysis -> Nullable<Text>,
        ai_analysis_recruiter -> Nullable<Text>,
        ai_analysis_recruiter_why_hire -> Nullable<Text>,
        ai_analysis_recruiter_why_not_hire -> Nullable<Text>,
        recruiter_go_next_round -> Nullable<Bool>,
        pdf_export_url -> Nullable<Text>,
        reason -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

/// A delivery as it is inserted.
#[derive(Insertable)]
#[diesel(table_name = deliveries)]
pub(super) struct NewDelivery<'r> {
    pub event: &'static str,
    pub result_id: &'r str,
    pub received_at: time::PrimitiveDateTime,
    pub body: &'r [u8],
}

/// A result as it is inserted, or replaces what is there. `None` is written as a parameter, not as `DEFAULT`: with
/// that the text of the statement would vary, and Diesel would not keep it prepared.
#[derive(Insertable)]
#[diesel(table_name = results, treat_none_as_default_value = false)]
pub(super) struct NewResult<'r> {
    id: &'r str,
    interview_id: Option<&'r str>,
    question_set_id: Option<&'r str>,
    status: Option<&'r str>,
    interview_status: Option<&'r str>,
    processing_status: Option<&'r str>,
    profile_interview_id: Option<&'r str>,
    profile_id: Option<&'r str>,
    candidate_external_id: Option<&'r str>,
    candidate_name: Option<&'r str>,
    candidate_email: Option<&'r str>,
    candidate_phone_number: Option<&'r str>,
    score: Option<f64>,
    ai_analysis_recruiter_score: Option<f64>,
    ai_analysis: Option<&'r str>,
    ai_analysis_recruiter: Option<&'r str>,
    ai_analysis_recruiter_why_hire: Option<&'r str>,
    ai_analysis_recruiter_why_not_hire: Option<&'r str>,
    recruiter_go_next_round: Option<bool>,
    pdf_export_url: Option<&'r str>,
    reason: Option<&'r str>,
    updated_at: time::PrimitiveDateTime,
}

impl<'r> NewResult<'r> {
    pub fn new(payload: &'r Payload, updated_at: time::PrimitiveDateTime) -> Self {
        Self {
            id: &payload.id,
            interview_id: payload.interview_id.as_deref(),
            question_set_id: payload.question_set_id.as_deref(),
            status: payload.status.as_deref(),
            interview_status: payload.interview_status.as_deref(),
            processing_status: payload.processing_status.as_deref(),
            profile_interview_id: payload.profile_interview_id.as_deref(),
            profile_id: payload.profile_id.as_deref(),
            candidate_external_id: payload.candidate_external_id.as_deref(),
            candidate_name: payload.candidate_name.as_deref(),
            candidate_email: payload.candidate_email.as_deref(),
            candidate_phone_number: payload.candidate_phone_number.as_deref(),
            score: payload.score,
            ai_analysis_recruiter_score: payload.ai_analysis_recruiter_score,
            ai_analysis: payload.ai_analysis.as_deref(),
            ai_analysis_recruiter: payload.ai_analysis_recruiter.as_deref(),
            ai_analysis_recruiter_why_hire: payload.ai_analysis_recruiter_why_hire.as_deref().map(RawValue::get),
            ai_analysis_recruiter_why_not_hire: payload
                .ai_analysis_recruiter_why_not_hire
                .as_deref()
                .map(RawValue::get),
            recruiter_go_next_round: payload.recruiter_go_next_round,
            pdf_export_url: payload.pdf_export_url.as_deref(),
            reason: payload.reason.as_deref(),
            updated_at,
        }
    }
}

/// The statement that inserts a result or replaces it, without binding anything twice.
///
/// A macro, since the type of the statement could only be named by its two dozen columns.
macro_rules! upsert {
    ($row:expr) => {{
        use crate::hand_written::rows::results::{dsl, table};
        diesel::insert_into(table).values($row).on_conflict(dsl::id).do_update().set((
            dsl::interview_id.eq(diesel::upsert::excluded(dsl::interview_id)),
            dsl::question_set_id.eq(diesel::upsert::excluded(dsl::question_set_id)),
            dsl::status.eq(diesel::upsert::excluded(dsl::status)),
            dsl::interview_status.eq(diesel::upsert::excluded(dsl::interview_status)),
            dsl::processing_status.eq(diesel::upsert::excluded(dsl::processing_status)),
            dsl::profile_interview_id.eq(diesel::upsert::excluded(dsl::profile_interview_id)),
            dsl::profile_id.eq(diesel::upsert::excluded(dsl::profile_id)),
            dsl::candidate_external_id.eq(diesel::upsert::excluded(dsl::candidate_external_id)),
            dsl::candidate_name.eq(diesel::upsert::excluded(dsl::candidate_name)),
            dsl::candidate_email.eq(diesel::upsert::excluded(dsl::candidate_email)),
            dsl::candidate_phone_number.eq(diesel::upsert::excluded(dsl::candidate_phone_number)),
            dsl::score.eq(diesel::upsert::excluded(dsl::score)),
            dsl::ai_analysis_recruiter_score.eq(diesel::upsert::excluded(dsl::ai_analysis_recruiter_score)),
            dsl::ai_analysis.eq(diesel::upsert::excluded(dsl::ai_analysis)),
            dsl::ai_analysis_recruiter.eq(diesel::upsert::excluded(dsl::ai_analysis_recruiter)),
            dsl::ai_analysis_recruiter_why_hire.eq(diesel::upsert::excluded(dsl::ai_analysis_recruiter_why_hire)),
            dsl::ai_analysis_recruiter_why_not_hire
                .eq(diesel::upsert::excluded(dsl::ai_analysis_recruiter_why_not_hire)),
            dsl::recruiter_go_next_round.eq(diesel::upsert::excluded(dsl::recruiter_go_next_round)),
            dsl::pdf_export_url.eq(diesel::upsert::excluded(dsl::pdf_export_url)),
            dsl::reason.eq(diesel::upsert::excluded(dsl::reason)),
            dsl::updated_at.eq(diesel::upsert::excluded(dsl::updated_at)),
        ))
    }};
}
pub(super) use upsert;

/// The time of day, as the tables hold it: UTC.
pub(super) fn now() -> time::PrimitiveDateTime {
    let now = time::OffsetDateTime::now_utc();
    time::PrimitiveDateTime::new(now.date(), now.time())
}
