use crate::harness::Answer;

/// Checks that an answer is exactly the documented refusal with this status: no byte more, no header less.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.body, format!(r#"{{"error":"{}"}}"#, code(status)));
    assert_refusal_headers(answer, status);
}

/// The same for the headers alone, where no body is sent.
#[track_caller]
pub(crate) fn assert_refusal_headers(answer: &Answer, status: u16) {
    assert_eq!(answer.header("Content-Type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{answer:?}");
    let challenge = (status == 401).then_some("Secret realm=\"webhooks\"");
    assert_eq!(answer.header("WWW-Authenticate"), challenge, "{answer:?}");
    assert_eq!(answer.header("Allow"), (status == 405).then_some("POST"), "{answer:?}");
    let pause: Option<u32> = answer.header("Retry-After").map(|pause| pause.parse().unwrap());
    assert_eq!(pause.is_some(), status == 503, "{answer:?}");
    assert!(pause.is_none_or(|pause| (5..=60).contains(&pause)), "{answer:?}");
    assert_eq!(answer.header("Location"), None, "{answer:?}");
}

fn code(status: u16) -> &'static str {
    match status {
        400 => "incomplete",
        401 => "unauthorized",
        405 => "method_not_allowed",
        408 => "timeout",
        413 => "too_large",
        415 => "unsupported_media_type",
        503 => "unavailable",
        _ => panic!("{status} is never answered"),
    }
}
