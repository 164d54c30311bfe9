use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;

use super::json_text::json_text;
use super::text_enum::text_enum;

text_enum! {
    /// A field of the vendor's payload, by the vendor's own name.
    Field {
        /// `id`: the interview result that the delivery is about.
        Id = "id",
        /// `interview_id`: the interview's definition.
        InterviewId = "interview_id",
        /// `question_set_id`: by the vendor's document the same as `interview_id`.
        QuestionSetId = "question_set_id",
        /// `status`: life cycle of the result.
        Status = "status",
        /// `interview_status`: how the interview itself went.
        InterviewStatus = "interview_status",
        /// `processing_status`: how far the scoring is.
        ProcessingStatus = "processing_status",
        /// `profile_interview_id`: the candidate's enrolment.
        ProfileInterviewId = "profile_interview_id",
        /// `profile_id`: the person, where a registered profile is linked.
        ProfileId = "profile_id",
        /// `candidate_external_id`: the customer's own id of the candidate.
        CandidateExternalId = "candidate_external_id",
        /// `candidate_name`.
        CandidateName = "candidate_name",
        /// `candidate_email`.
        CandidateEmail = "candidate_email",
        /// `candidate_phone_number`.
        CandidatePhoneNumber = "candidate_phone_number",
        /// `score`: the overall score; no range is published.
        Score = "score",
        /// `ai_analysis_recruiter_score`: the recruiter-facing score.
        AiAnalysisRecruiterScore = "ai_analysis_recruiter_score",
        /// `ai_analysis`: the analysis for the candidate.
        AiAnalysis = "ai_analysis",
        /// `ai_analysis_recruiter`: the analysis for the recruiter.
        AiAnalysisRecruiter = "ai_analysis_recruiter",
        /// `ai_analysis_recruiter_why_hire`: reasons to hire, a list or a text.
        WhyHire = "ai_analysis_recruiter_why_hire",
        /// `ai_analysis_recruiter_why_not_hire`: reasons not to hire, a list or a text.
        WhyNotHire = "ai_analysis_recruiter_why_not_hire",
        /// `recruiter_go_next_round`: the recruiter's decision.
        RecruiterGoNextRound = "recruiter_go_next_round",
        /// `pdf_export_url`: link to the report. Treat it as a secret.
        PdfExportUrl = "pdf_export_url",
        /// `reason`: the vendor's hint at the change. No decision rests on it.
        Reason = "reason",
    }
}

/// The fields that changed with a delivery. `mojito_deliveries.changes` holds them as a JSON array of their names.
///
/// Names from a later version of the program are left out when it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Changes(pub Vec<Field>);

json_text!(Changes);

impl Changes {
    // The names need no escaping.
    fn to_json(&self) -> String {
        let length = self.0.iter().map(|field| field.as_str().len() + r#","""#.len()).sum::<usize>();
        let mut json = String::with_capacity("[]".len() + length);
        json.push('[');
        for (index, field) in self.0.iter().enumerate() {
            json.push_str(if index > 0 { r#",""# } else { r#"""# });
            json.push_str(field.as_str());
            json.push('"');
        }
        json.push(']');
        json
    }

    fn from_json(json: &str) -> Self {
        let names: Vec<String> = serde_json::from_str(json).unwrap_or_default();
        Self(names.iter().filter_map(|name| Field::from_text(name)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_stored_as_json() {
        for fields in [&[][..], &[Field::Id], &[Field::Score, Field::WhyHire], Field::ALL] {
            let changes = Changes(fields.to_vec());

            let json = changes.to_json();

            assert_eq!(json, serde_json::to_string(fields).unwrap());
            assert_eq!(Changes::from_json(&json), changes);
        }
    }

    #[test]
    fn fields_of_a_later_version_are_left_out() {
        assert_eq!(Changes::from_json(r#"["of_next_year","score"]"#), Changes(vec![Field::Score]));
    }
}
