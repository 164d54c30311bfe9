//! Labels that people read for the plugin's words.

use rocket_mojito::{EventKind, Field, FindingCode, Standing};

/// The label of an event kind.
pub(super) fn event(event: EventKind) -> &'static str {
    match event {
        EventKind::InterviewResult => "Result",
        EventKind::InterviewCollected => "Answers collected",
        EventKind::InterviewFailed => "Interview failed",
        EventKind::Unknown => "Not understood",
    }
}

/// The label of a standing, where the standing is not plain.
pub(super) fn standing(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Current | Standing::Repeat => None,
        Standing::Late => Some("came late, the result stays"),
        Standing::Quarantined => Some("not understood"),
    }
}

/// The label of the recruiter's decision.
pub(super) fn decision(decision: Option<bool>) -> &'static str {
    match decision {
        Some(true) => "Next round",
        Some(false) => "Declined",
        None => "Undecided",
    }
}

/// The label of a field of the vendor's.
pub(super) fn field(field: Field) -> &'static str {
    match field {
        Field::Id => "id",
        Field::InterviewId => "interview",
        Field::QuestionSetId => "question set",
        Field::Status => "status",
        Field::InterviewStatus => "interview status",
        Field::ProcessingStatus => "processing status",
        Field::ProfileInterviewId => "enrolment",
        Field::ProfileId => "profile",
        Field::CandidateExternalId => "your id",
        Field::CandidateName => "name",
        Field::CandidateEmail => "mail address",
        Field::CandidatePhoneNumber => "phone number",
        Field::Score => "score",
        Field::AiAnalysisRecruiterScore => "recruiter score",
        Field::AiAnalysis => "analysis for the candidate",
        Field::AiAnalysisRecruiter => "analysis for the recruiter",
        Field::WhyHire => "reasons to hire",
        Field::WhyNotHire => "reasons not to hire",
        Field::RecruiterGoNextRound => "decision",
        Field::PdfExportUrl => "report",
        Field::Reason => "reason",
    }
}

/// The label of a finding.
pub(super) fn finding(code: FindingCode) -> &'static str {
    match code {
        FindingCode::RouteBodyMismatch => "came to the address of another event",
        FindingCode::WrongType => "unreadable",
        FindingCode::UnexpectedNull => "unexpectedly empty",
        FindingCode::OutOfRange => "out of range",
        FindingCode::ReplacedText => "characters were replaced",
        FindingCode::IdsDiffer => "interview and question set differ",
        FindingCode::SimilarKey => "looks like a misspelt field",
        FindingCode::Recurrence => "was here before and came back",
        other => other.as_str(),
    }
}

/// A candidate's name, unless there is nothing to read in it.
pub(super) fn name(name: Option<String>) -> Option<String> {
    name.filter(|name| !name.trim().is_empty())
}
