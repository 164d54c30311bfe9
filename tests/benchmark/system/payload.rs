use serde::Deserialize;
use serde_json::value::RawValue;

/// The body, as one reads it who trusts the vendor's document.
#[derive(Deserialize)]
pub(crate) struct Payload {
    pub id: String,
    pub interview_id: Option<String>,
    pub question_set_id: Option<String>,
    pub status: Option<String>,
    pub interview_status: Option<String>,
    pub processing_status: Option<String>,
    pub profile_interview_id: Option<String>,
    pub profile_id: Option<String>,
    pub candidate_external_id: Option<String>,
    pub candidate_name: Option<String>,
    pub candidate_email: Option<String>,
    pub candidate_phone_number: Option<String>,
    pub score: Option<f64>,
    pub ai_analysis_recruiter_score: Option<f64>,
    pub ai_analysis: Option<String>,
    pub ai_analysis_recruiter: Option<String>,
    pub ai_analysis_recruiter_why_hire: Option<Box<RawValue>>,
    pub ai_analysis_recruiter_why_not_hire: Option<Box<RawValue>>,
    pub recruiter_go_next_round: Option<bool>,
    pub pdf_export_url: Option<String>,
    pub reason: Option<String>,
}

impl Payload {
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}
