use std::fmt;

use rocket::http::{ContentType, Header, Status};
use rocket::request::Request;
use rocket::response::{self, Responder, Response};

use super::signature::SignatureError;
use crate::notices::Notice;
use crate::store::Unavailable;

/// The reason why a request is refused. As a responder it is the exact answer: a status, a fixed code, and nothing
/// else.
///
/// The answer contains no detail and repeats nothing of the request. The cause goes to the log, as a code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rejection(Cause);

/// Every cause for which a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    UnknownEndpoint,
    SecretAbsent,
    SecretRepeated,
    SecretWrong,
    DeclaredTooLarge,
    ActualTooLarge,
    MediaType,
    Charset,
    Encoding,
    BodyDeadline,
    BodyEmpty,
    BodyCut,
    NoRoom,
    Method,
    Signature(SignatureError),
    Paused,
    Store(Unavailable),
}

/// The challenge in each 401, which RFC 9110, section 11.6.1, requires.
const CHALLENGE: &str = "Secret realm=\"webhooks\"";

impl Rejection {
    pub(crate) fn new(cause: Cause) -> Self {
        Self(cause)
    }

    /// The status of the answer.
    pub fn status(&self) -> Status {
        match self.0 {
            Cause::UnknownEndpoint
            | Cause::SecretAbsent
            | Cause::SecretRepeated
            | Cause::SecretWrong
            | Cause::Signature(_) => Status::Unauthorized,
            Cause::DeclaredTooLarge | Cause::ActualTooLarge => Status::PayloadTooLarge,
            Cause::MediaType | Cause::Charset | Cause::Encoding => Status::UnsupportedMediaType,
            Cause::BodyDeadline => Status::RequestTimeout,
            Cause::BodyEmpty | Cause::BodyCut => Status::BadRequest,
            Cause::Method => Status::MethodNotAllowed,
            Cause::NoRoom | Cause::Paused | Cause::Store(_) => Status::ServiceUnavailable,
        }
    }

    /// The code in the answer.
    pub fn code(&self) -> &'static str {
        match self.status().code {
            401 => "unauthorized",
            413 => "too_large",
            415 => "unsupported_media_type",
            408 => "timeout",
            400 => "incomplete",
            405 => "method_not_allowed",
            _ => "unavailable",
        }
    }

    /// The notice for the log, with the endpoint of the request.
    pub(crate) fn notice(&self, endpoint: Option<String>) -> Notice {
        Notice::Refused { endpoint, code: self.code(), cause: self.cause() }
    }

    /// The cause, for the log alone.
    pub(crate) fn cause(&self) -> &'static str {
        match self.0 {
            Cause::UnknownEndpoint => "unknown_endpoint",
            Cause::SecretAbsent => "secret_absent",
            Cause::SecretRepeated => "secret_repeated",
            Cause::SecretWrong => "secret_wrong",
            Cause::DeclaredTooLarge => "declared_too_large",
            Cause::ActualTooLarge => "actual_too_large",
            Cause::MediaType => "media_type",
            Cause::Charset => "charset",
            Cause::Encoding => "encoding",
            Cause::BodyDeadline => "body_deadline",
            Cause::BodyEmpty => "body_empty",
            Cause::BodyCut => "body_cut",
            Cause::NoRoom => "no_room",
            Cause::Method => "method",
            Cause::Signature(SignatureError::Absent) => "signature_absent",
            Cause::Signature(SignatureError::Malformed) => "signature_malformed",
            Cause::Signature(SignatureError::Wrong) => "signature_wrong",
            Cause::Signature(SignatureError::Stale) => "signature_stale",
            Cause::Paused => "paused",
            Cause::Store(Unavailable::QueueFull) => "queue_full",
            Cause::Store(Unavailable::Stopping) => "stopping",
            Cause::Store(Unavailable::Deadline) => "ack_deadline",
            Cause::Store(Unavailable::Database | Unavailable::Connection) => "database",
            Cause::Store(Unavailable::Unknown) => "commit_unknown",
        }
    }
}

impl From<Unavailable> for Rejection {
    fn from(unavailable: Unavailable) -> Self {
        Self(Cause::Store(unavailable))
    }
}

impl<'r> Responder<'r, 'static> for Rejection {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let body = format!(r#"{{"error":"{}"}}"#, self.code());
        let mut response = Response::build();
        response
            .status(self.status())
            .header(ContentType::JSON)
            .raw_header("Cache-Control", "no-store")
            .sized_body(body.len(), std::io::Cursor::new(body));
        match self.status().code {
            401 => response.raw_header("WWW-Authenticate", CHALLENGE),
            405 => response.raw_header("Allow", "POST"),
            // Spread at random, so that a sender's queue does not come back as one wave.
            503 => response.header(Header::new("Retry-After", fastrand::u32(5..=60).to_string())),
            _ => &mut response,
        };
        response.ok()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code(), self.cause())
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use rocket::local::asynchronous::Client;

    use super::*;

    #[test]
    fn each_cause_has_its_status_its_code_and_a_name_of_its_own() {
        let store = [
            (Unavailable::QueueFull, "queue_full"),
            (Unavailable::Stopping, "stopping"),
            (Unavailable::Deadline, "ack_deadline"),
            (Unavailable::Database, "database"),
            (Unavailable::Connection, "database"),
            (Unavailable::Unknown, "commit_unknown"),
        ];
        let signature = [
            (SignatureError::Absent, "signature_absent"),
            (SignatureError::Malformed, "signature_malformed"),
            (SignatureError::Wrong, "signature_wrong"),
            (SignatureError::Stale, "signature_stale"),
        ];
        let plain = [
            (Cause::UnknownEndpoint, 401, "unknown_endpoint"),
            (Cause::SecretAbsent, 401, "secret_absent"),
            (Cause::SecretRepeated, 401, "secret_repeated"),
            (Cause::SecretWrong, 401, "secret_wrong"),
            (Cause::DeclaredTooLarge, 413, "declared_too_large"),
            (Cause::ActualTooLarge, 413, "actual_too_large"),
            (Cause::MediaType, 415, "media_type"),
            (Cause::Charset, 415, "charset"),
            (Cause::Encoding, 415, "encoding"),
            (Cause::BodyDeadline, 408, "body_deadline"),
            (Cause::BodyEmpty, 400, "body_empty"),
            (Cause::BodyCut, 400, "body_cut"),
            (Cause::NoRoom, 503, "no_room"),
            (Cause::Method, 405, "method"),
            (Cause::Paused, 503, "paused"),
        ];
        let codes = [
            (400, "incomplete"),
            (401, "unauthorized"),
            (405, "method_not_allowed"),
            (408, "timeout"),
            (413, "too_large"),
            (415, "unsupported_media_type"),
            (503, "unavailable"),
        ];
        let store = store.map(|(cause, name)| (Cause::Store(cause), 503, name));
        let signature = signature.map(|(cause, name)| (Cause::Signature(cause), 401, name));

        for (cause, status, name) in plain.into_iter().chain(store).chain(signature) {
            let rejection = Rejection::new(cause);

            let (_, code) = codes.into_iter().find(|(with, _)| *with == status).unwrap();
            assert_eq!((rejection.status().code, rejection.code(), rejection.cause()), (status, code, name));
            assert_eq!(rejection.to_string(), format!("{code} ({name})"));
            assert_eq!(format!("{rejection:?}"), rejection.to_string());
        }
    }

    #[tokio::test]
    async fn an_answer_has_its_code_and_for_some_what_the_sender_is_to_do() {
        let quiet = rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::debug_default() };
        let client = Client::untracked(rocket::custom(quiet)).await.unwrap();
        let causes = [Cause::SecretWrong, Cause::ActualTooLarge, Cause::BodyCut, Cause::Method, Cause::Paused];
        let mut told = Vec::new();

        for rejection in causes.map(Rejection::new) {
            let request = client.get("/");
            let mut answer = rejection.respond_to(request.inner()).unwrap();

            let body = answer.body_mut().to_string().await.unwrap();
            assert_eq!((answer.status(), body), (rejection.status(), format!(r#"{{"error":"{}"}}"#, rejection.code())));
            assert_eq!(answer.headers().get_one("Content-Type"), Some("application/json"));
            assert_eq!(answer.headers().get_one("Cache-Control"), Some("no-store"));
            told.push(
                ["WWW-Authenticate", "Allow", "Retry-After"]
                    .map(|name| answer.headers().get_one(name).map(str::to_owned)),
            );
        }

        let wait: u32 = told[4][2].take().unwrap().parse().unwrap();
        assert!((5..=60).contains(&wait), "{wait}");
        assert_eq!(told[0], [Some(CHALLENGE.to_owned()), None, None]);
        assert_eq!(told[3], [None, Some("POST".to_owned()), None]);
        for nothing in [1, 2, 4] {
            assert_eq!(told[nothing], [None, None, None]);
        }
    }
}
