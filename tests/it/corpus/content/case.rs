use mojito_schema::{DeliveryRow, EventKind, Field, Finding, FindingCode, Snapshot, Standing};
use rocket_mojito::MojitoFairing;
use serde_json::Value;

use crate::harness::{AUTH, BASE, Store, TestBackend, TestServer, config, post};

/// The fields that the vendor's document requires beside `id`, null or not.
const REQUIRED: [&str; 14] = [
    "interview_id",
    "question_set_id",
    "status",
    "interview_status",
    "processing_status",
    "profile_interview_id",
    "profile_id",
    "score",
    "ai_analysis_recruiter_score",
    "ai_analysis",
    "ai_analysis_recruiter",
    "recruiter_go_next_round",
    "pdf_export_url",
    "reason",
];

/// A body with these members about the result `r-1`, and with one of the three without which it would be quarantined.
pub(super) fn about_r_1(members: &str) -> String {
    let statuses = ["status", "interview_status", "processing_status"];
    match statuses.iter().any(|status| members.contains(&format!("\"{status}\""))) {
        true => format!(r#"{{"id":"r-1",{members}}}"#),
        false => format!(r#"{{"id":"r-1","processing_status":null,{members}}}"#),
    }
}

/// A body, and what must become of it.
#[derive(Clone)]
pub(crate) struct Case {
    /// Where the corpus lists it.
    pub(crate) row: &'static str,
    event: EventKind,
    pub(super) body: Vec<u8>,
    standing: Standing,
    findings: Vec<Finding>,
    result_id: Option<String>,
    columns: Vec<(Field, Option<String>)>,
    extra: Option<String>,
}

impl Case {
    /// A body that becomes the state of its result.
    pub(super) fn current(row: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            row,
            event: EventKind::InterviewResult,
            body: body.into(),
            standing: Standing::Current,
            findings: Vec::new(),
            result_id: Some("r-1".to_owned()),
            columns: Vec::new(),
            extra: None,
        }
    }

    /// A body about the result `r-1` that says nothing but this.
    pub(super) fn field(row: &'static str, field: Field, value: impl Into<Value>) -> Self {
        let value: Value = value.into();
        Self::members(row, &format!(r#""{field}":{value}"#))
    }

    /// A body about the result `r-1` that has these members, and one of the three without which it would be quarantined.
    pub(super) fn members(row: &'static str, members: &str) -> Self {
        Self::current(row, about_r_1(members))
    }

    /// A body that is quarantined, for this reason.
    pub(super) fn quarantined(row: &'static str, body: impl Into<Vec<u8>>, cause: Finding) -> Self {
        let case = Self::current(row, body);
        Self { standing: Standing::Quarantined, findings: vec![cause], result_id: None, ..case }
    }

    /// It goes to the path of this event.
    pub(super) fn to(self, event: EventKind) -> Self {
        Self { event, ..self }
    }

    /// It is about this result.
    pub(super) fn about(self, id: impl Into<String>) -> Self {
        Self { result_id: Some(id.into()), ..self }
    }

    /// It has this finding.
    pub(super) fn finding(mut self, code: FindingCode, field: Option<Field>) -> Self {
        self.findings.push(Finding { code, field });
        self
    }

    /// The column holds this afterwards; without a value, nothing.
    pub(super) fn column(mut self, field: Field, value: Option<&str>) -> Self {
        self.columns.push((field, value.map(str::to_owned)));
        self
    }

    /// The unknown keys are kept like this.
    pub(super) fn extra(self, json: impl Into<String>) -> Self {
        Self { extra: Some(json.into()), ..self }
    }

    /// The fields that the vendor's document requires, and the body does not have.
    fn missing(&self) -> Vec<Finding> {
        if self.standing == Standing::Quarantined {
            return Vec::new();
        }
        let body = String::from_utf8_lossy(&self.body);
        let is_absent = |field: &&&str| {
            let key = format!("\"{field}\"");
            !body.split(&key).skip(1).any(|rest| rest.trim_start().starts_with(':'))
        };
        let absent = REQUIRED.iter().filter(is_absent).map(|field| Field::from_text(field));
        absent.map(|field| Finding { code: FindingCode::Missing, field }).collect()
    }

    fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(160)]);
        format!("{} to {}: {body:?}, {} bytes", self.row, self.event, self.body.len())
    }
}

/// Posts each body twice to a host on this database, and looks at what was answered and stored.
pub(super) async fn check<B: TestBackend>(cases: Vec<Case>) {
    let mut store = Store::<B>::open().await;
    let host = TestServer::on(store.url(), MojitoFairing::<B>::new(config())).await;

    for (number, case) in cases.iter().enumerate() {
        let path = format!("{BASE}/{}", case.event);
        let first = post(host.address, &path, &[AUTH], &case.body).await;
        let second = post(host.address, &path, &[AUTH], &case.body).await;

        assert_eq!(first.status, 200, "{}", case.shown());
        assert_eq!(first.body, format!(r#"{{"delivery":"{}"}}"#, first.delivery()), "{}", case.shown());
        assert_eq!(second.but_date(), first.but_date(), "{}", case.shown());
        let row = store.newest_delivery().await;
        assert_eq!(row.id, first.delivery(), "{}", case.shown());
        check_delivery(case, &row);
        match case.standing {
            Standing::Current => check_result(&mut store, case, &row).await,
            _ => assert_eq!(row.version, None, "{}", case.shown()),
        }
        assert_eq!(store.count_of_deliveries().await, number + 1, "{}", case.shown());
    }
    host.stop().await;
}

fn check_delivery(case: &Case, row: &DeliveryRow) {
    let shown = case.shown();
    assert!(row.body.as_ref() == Some(&case.body), "not kept to the byte: {shown}");
    assert_eq!((row.event, row.standing), (case.event, case.standing), "{shown}");
    let found = row.findings.0.iter().copied();
    let (missing, others): (Vec<_>, Vec<_>) = found.partition(|found| found.code == FindingCode::Missing);
    assert_eq!(others, case.findings, "{shown}");
    assert_eq!(missing, case.missing(), "{shown}");
    assert_eq!(row.result_id, case.result_id, "{shown}");
    assert_eq!(row.repeat_count, 1, "sent again it is a repeat: {shown}");
}

async fn check_result<B: TestBackend>(store: &mut Store<B>, case: &Case, row: &DeliveryRow) {
    let shown = case.shown();
    let id = row.result_id.as_deref().expect("a current delivery is about a result");
    let result = store.result(id).await.unwrap_or_else(|| panic!("no result: {shown}"));
    assert_eq!((result.id.as_str(), result.delivery_id, Some(result.version)), (id, row.id, row.version), "{shown}");
    for (field, expected) in &case.columns {
        assert_eq!(column(&result.snapshot, *field), *expected, "{field}: {shown}");
    }
    if let Some(extra) = &case.extra {
        assert_eq!(&result.snapshot.extra, extra, "{shown}");
    }
}

/// The value in the column of a field, as text.
fn column(state: &Snapshot, field: Field) -> Option<String> {
    match field {
        Field::Id => None,
        Field::InterviewId => state.interview_id.clone(),
        Field::QuestionSetId => state.question_set_id.clone(),
        Field::Status => state.status.clone(),
        Field::InterviewStatus => state.interview_status.clone(),
        Field::ProcessingStatus => state.processing_status.clone(),
        Field::ProfileInterviewId => state.profile_interview_id.clone(),
        Field::ProfileId => state.profile_id.clone(),
        Field::CandidateExternalId => state.candidate_external_id.clone(),
        Field::CandidateName => state.candidate_name.clone(),
        Field::CandidateEmail => state.candidate_email.clone(),
        Field::CandidatePhoneNumber => state.candidate_phone_number.clone(),
        Field::Score => state.score.map(printed),
        Field::AiAnalysisRecruiterScore => state.ai_analysis_recruiter_score.map(printed),
        Field::AiAnalysis => state.ai_analysis.clone(),
        Field::AiAnalysisRecruiter => state.ai_analysis_recruiter.clone(),
        Field::WhyHire => state.ai_analysis_recruiter_why_hire.clone(),
        Field::WhyNotHire => state.ai_analysis_recruiter_why_not_hire.clone(),
        Field::RecruiterGoNextRound => state.recruiter_go_next_round.map(|decision| decision.to_string()),
        Field::PdfExportUrl => state.pdf_export_url.clone(),
        Field::Reason => state.reason.clone(),
    }
}

/// A double in its shortest form. SQLite knows no negative zero.
fn printed(number: f64) -> String {
    (number + 0.0).to_string()
}
