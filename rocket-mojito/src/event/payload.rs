use std::fmt;

use mojito_schema::Snapshot;

use super::presence::Presences;
use super::{Extra, InterviewStatus, Number, Presence, ProcessingStatus, Reasons, ResultStatus};
use crate::Field;

/// The body of a delivery, field by field, under the vendor's own names.
///
/// A field is `None` if the body has no value for it; [`presence`](Self::presence) tells why. All texts come from the
/// vendor or the candidate: treat them as untrusted. `Debug` names the filled fields and shows no value.
///
/// Source: the vendor's OpenAPI document, `WebhookInterviewResultPayload`.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Payload {
    /// The id of the interview result. One attempt of a candidate has one id.
    pub id: String,
    /// The interview's definition.
    pub interview_id: Option<String>,
    /// By the vendor's document the same as `interview_id`.
    pub question_set_id: Option<String>,
    /// The life cycle of the result.
    pub status: Option<ResultStatus>,
    /// The course of the interview.
    pub interview_status: Option<InterviewStatus>,
    /// The progress of the scoring.
    pub processing_status: Option<ProcessingStatus>,
    /// The candidate's enrolment.
    pub profile_interview_id: Option<String>,
    /// The person, if a registered profile is linked.
    pub profile_id: Option<String>,
    /// Your own id of the candidate, if one is linked.
    pub candidate_external_id: Option<String>,
    /// The candidate's name, if one is linked.
    pub candidate_name: Option<String>,
    /// The candidate's mail address, if one is linked.
    pub candidate_email: Option<String>,
    /// The candidate's phone number, if one is linked.
    pub candidate_phone_number: Option<String>,
    /// The overall score. No range is published.
    pub score: Option<Number>,
    /// The recruiter-facing score. No range is published.
    pub ai_analysis_recruiter_score: Option<Number>,
    /// The analysis for the candidate.
    pub ai_analysis: Option<String>,
    /// The analysis for the recruiter: not for the candidate's eyes.
    pub ai_analysis_recruiter: Option<String>,
    /// Reasons to hire.
    pub ai_analysis_recruiter_why_hire: Option<Reasons>,
    /// Reasons not to hire.
    pub ai_analysis_recruiter_why_not_hire: Option<Reasons>,
    /// The recruiter's decision. A score alone decides nothing about a person.
    pub recruiter_go_next_round: Option<bool>,
    /// Link to the report, probably signed and short-lived: a secret, and a URL that any sender may have chosen.
    pub pdf_export_url: Option<String>,
    /// The vendor's hint at the change. Its format is not published; [`Event::changes`](crate::Event::changes) is
    /// reliable.
    pub reason: Option<String>,
    /// Keys that the vendor's document does not name.
    pub extra: Extra,
    pub(super) presences: Presences,
}

impl Payload {
    /// Whether and how a field stood in the body.
    pub fn presence(&self, field: Field) -> Presence {
        self.presences.of(field)
    }

    /// The result's id, and the columns of the result table.
    pub(crate) fn into_state(self) -> (String, Snapshot) {
        let mut snapshot = Snapshot::default();
        snapshot.interview_id = self.interview_id;
        snapshot.question_set_id = self.question_set_id;
        snapshot.status = self.status.map(String::from);
        snapshot.interview_status = self.interview_status.map(String::from);
        snapshot.processing_status = self.processing_status.map(String::from);
        snapshot.profile_interview_id = self.profile_interview_id;
        snapshot.profile_id = self.profile_id;
        snapshot.candidate_external_id = self.candidate_external_id;
        snapshot.candidate_name = self.candidate_name;
        snapshot.candidate_email = self.candidate_email;
        snapshot.candidate_phone_number = self.candidate_phone_number;
        snapshot.score = self.score.as_ref().map(Number::as_f64);
        snapshot.ai_analysis_recruiter_score = self.ai_analysis_recruiter_score.as_ref().map(Number::as_f64);
        snapshot.ai_analysis = self.ai_analysis;
        snapshot.ai_analysis_recruiter = self.ai_analysis_recruiter;
        snapshot.ai_analysis_recruiter_why_hire = self.ai_analysis_recruiter_why_hire.map(Reasons::into_json);
        snapshot.ai_analysis_recruiter_why_not_hire = self.ai_analysis_recruiter_why_not_hire.map(Reasons::into_json);
        snapshot.recruiter_go_next_round = self.recruiter_go_next_round;
        snapshot.pdf_export_url = self.pdf_export_url;
        snapshot.reason = self.reason;
        snapshot.extra = self.extra.into_json();
        (self.id, snapshot)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled: Vec<_> = Field::ALL.iter().filter(|field| self.presence(**field) == Presence::Value).collect();
        f.debug_struct("Payload").field("filled", &filled).finish_non_exhaustive()
    }
}
