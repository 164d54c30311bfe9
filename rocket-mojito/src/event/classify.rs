use super::{ParsedBody, Payload, ResultStatus};
use crate::{EventKind, Finding, FindingCode};

/// Decides the event kind of a body: by the path if it names one, else by the vendor's documented conditions.
///
/// If path and body disagree, the path wins and the reading gets a finding. If neither tells, the reading becomes
/// unusable.
pub(crate) fn classify(path: Option<EventKind>, reading: ParsedBody) -> (EventKind, ParsedBody) {
    let ParsedBody::Usable { payload, mut findings } = reading else {
        return (path.unwrap_or(EventKind::Unknown), reading);
    };
    let described = described_by(&payload);
    match path {
        Some(event) => {
            if described != EventKind::Unknown && described != event {
                findings.push(Finding::new(FindingCode::RouteBodyMismatch));
            }
            (event, ParsedBody::Usable { payload, findings })
        }
        None if described == EventKind::Unknown => {
            let cause = Finding::new(FindingCode::UnknownEvent);
            (EventKind::Unknown, ParsedBody::Unusable { cause, result_id: Some(payload.id) })
        }
        None => (described, ParsedBody::Usable { payload, findings }),
    }
}

fn described_by(payload: &Payload) -> EventKind {
    let status = payload.status.as_ref().map(ResultStatus::as_str);
    let interview = payload.interview_status.as_ref().map_or("", |status| status.as_str());
    let is_failed = interview == "failed" || interview == "abandoned" || interview.starts_with("terminated");
    let is_completed = interview == "completed" || interview.starts_with("completed,");
    match status {
        _ if is_failed => EventKind::InterviewFailed,
        Some("draft") if is_completed => EventKind::InterviewCollected,
        Some("active") if is_completed => EventKind::InterviewResult,
        _ => EventKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(status: &str, interview_status: &str) -> ParsedBody {
        let body = format!(r#"{{"id":"r","status":{status},"interview_status":{interview_status}}}"#);
        ParsedBody::parse(body.as_bytes())
    }

    #[test]
    fn the_combined_route_follows_the_documented_conditions() {
        let cases = [
            (r#""active""#, r#""completed""#, EventKind::InterviewResult),
            (r#""active""#, r#""completed, stopped early""#, EventKind::InterviewResult),
            (r#""draft""#, r#""completed, and so on""#, EventKind::InterviewCollected),
            (r#""draft""#, r#""terminated, no speech detected""#, EventKind::InterviewFailed),
            (r#""active""#, r#""abandoned""#, EventKind::InterviewFailed),
            ("null", r#""failed""#, EventKind::InterviewFailed),
            (r#""active""#, r#""completedly""#, EventKind::Unknown),
            (r#""archived""#, r#""completed""#, EventKind::Unknown),
            (r#""active""#, "null", EventKind::Unknown),
            (r#""draft""#, r#""ongoing""#, EventKind::Unknown),
        ];

        for (status, interview_status, expected) in cases {
            let (event, reading) = classify(None, reading(status, interview_status));

            assert_eq!(event, expected, "{status} {interview_status}");
            assert_eq!(matches!(reading, ParsedBody::Unusable { .. }), expected == EventKind::Unknown);
        }
    }

    #[test]
    fn the_path_wins_and_the_disagreement_is_a_finding() {
        let (event, reading) = classify(Some(EventKind::InterviewCollected), reading(r#""active""#, r#""completed""#));

        let ParsedBody::Usable { findings, .. } = reading else { panic!("usable") };
        assert_eq!(event, EventKind::InterviewCollected);
        assert!(findings.contains(&Finding::new(FindingCode::RouteBodyMismatch)), "{findings:?}");
    }

    #[test]
    fn a_body_that_tells_no_event_does_not_disagree_with_the_path() {
        for (path, body) in [(EventKind::InterviewResult, r#""completed""#), (EventKind::InterviewResult, "null")] {
            let (event, reading) = classify(Some(path), reading(r#""active""#, body));

            let ParsedBody::Usable { findings, .. } = reading else { panic!("usable") };
            assert_eq!(event, path);
            assert!(!findings.contains(&Finding::new(FindingCode::RouteBodyMismatch)), "{findings:?}");
        }
    }
}
