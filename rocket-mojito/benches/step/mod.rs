//! The steps of a delivery, each to be called many times.

mod ingress;
mod store;

/// One step.
pub(crate) struct Step {
    /// What it is called where it is reported.
    pub name: &'static str,
    /// How many deliveries one call is about.
    pub deliveries: u64,
    /// Makes everything that so many calls need.
    pub prepare: fn(u64) -> Box<dyn FnMut()>,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self { name: "authenticate", deliveries: 1, prepare: ingress::authenticate },
        Self { name: "parse", deliveries: 1, prepare: ingress::parse },
        Self { name: "parse_plain", deliveries: 1, prepare: ingress::parse_plain },
        Self { name: "fingerprint", deliveries: 1, prepare: ingress::fingerprint },
        Self { name: "standing", deliveries: 1, prepare: ingress::standing },
        Self { name: "record_1", deliveries: 1, prepare: |calls| store::record(calls, 1) },
        Self { name: "record_16", deliveries: 16, prepare: |calls| store::record(calls, 16) },
        Self { name: "record_256", deliveries: 256, prepare: |calls| store::record(calls, 256) },
        Self { name: "claim_and_complete", deliveries: 1, prepare: store::claim_and_complete },
    ];
}

/// A body of about 3 kB, of a result of its own. Its texts are full of escapes.
fn body(number: u64, score: f64) -> Vec<u8> {
    body_of("the candidate answered clearly, with \\\"precise\\\" examples from former projects\\n", number, score)
}

/// The same, where there is nothing to be decoded.
fn plain_body() -> Vec<u8> {
    body_of("the candidate answered clearly, with the most precise examples from former projects; ", 0, 5.12)
}

fn body_of(sentence: &str, number: u64, score: f64) -> Vec<u8> {
    let text = sentence.repeat(10);
    let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        r#"{{"id":"{id:016x}","interview_id":"1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11",
            "question_set_id":"1c9d7e52-3a40-4b6e-8f27-5e6a9b0c2d11","status":"active","interview_status":"completed",
            "processing_status":"completed","profile_interview_id":"a2d4c6e8-1b3d-4f5a-8c7e-9d0b1a2c3e4f",
            "profile_id":null,"candidate_external_id":"ats-42","candidate_name":"Test Person",
            "candidate_email":"test@example.com","candidate_phone_number":null,"score":{score},
            "ai_analysis_recruiter_score":4.212,"ai_analysis":"{text}","ai_analysis_recruiter":"{text}",
            "ai_analysis_recruiter_why_hire":["{text}","precise"],"ai_analysis_recruiter_why_not_hire":[],
            "recruiter_go_next_round":true,"pdf_export_url":null,"reason":"score"}}"#
    )
    .into_bytes()
}
