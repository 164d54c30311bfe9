use serde_json::{Map, Value, json};

/// A body in the form of the vendor's document. Nobody in it is real.
#[derive(Clone)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    /// An `interview_result`.
    pub(crate) fn result(id: &str) -> Self {
        let Value::Object(fields) = json!({
            "id": id,
            "interview_id": "1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11",
            "question_set_id": "1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11",
            "status": "active",
            "interview_status": "completed, stopped early",
            "processing_status": "completed",
            "profile_interview_id": "a2d4c6e8-1b3d-4f5a-8c7e-9d0b1a2c3e4f",
            "profile_id": null,
            "candidate_external_id": "ats-42",
            "candidate_name": "Test Person",
            "candidate_email": "test@example.com",
            "candidate_phone_number": null,
            "score": 5.12,
            "ai_analysis_recruiter_score": 4.212,
            "ai_analysis": "clear answers",
            "ai_analysis_recruiter": "worth a talk",
            "ai_analysis_recruiter_why_hire": ["curious", "precise"],
            "ai_analysis_recruiter_why_not_hire": [],
            "recruiter_go_next_round": null,
            "pdf_export_url": null,
            "reason": "score",
        }) else {
            unreachable!("an object literal")
        };
        Self(fields)
    }

    /// An `interview_collected`.
    pub(crate) fn collected(id: &str) -> Self {
        Self::result(id)
            .with("status", "draft")
            .with("interview_status", "completed")
            .with("processing_status", "processing")
            .with("score", Value::Null)
            .with("ai_analysis_recruiter_score", Value::Null)
    }

    /// An `interview_failed`.
    pub(crate) fn failed(id: &str) -> Self {
        Self::collected(id).with("interview_status", "terminated, no speech detected").with("processing_status", "new")
    }

    /// The same with another value in one field.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// The same without one field.
    pub(crate) fn without(mut self, field: &str) -> Self {
        self.0.remove(field);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap()
    }
}
