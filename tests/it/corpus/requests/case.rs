use std::time::Duration;

use mojito_schema::Standing;
use rocket::data::ByteUnit;
use rocket_mojito::SecretConfig;

use crate::harness::{AUTH, Answer, Body, Host};
use crate::http::{assert_refusal_headers, assert_refused};

/// The secret of the endpoint `staging`, in the header of the default one.
pub(super) const STAGING: (&str, &str) = (AUTH.0, "staging-secret-0123456789abcdef");

/// The limit on bodies here.
pub(super) const LIMIT: usize = 2_000;

/// The bytes of a connection, and what must come back.
#[derive(Clone)]
pub(crate) struct Case {
    /// Where the corpus lists it.
    pub(crate) row: &'static str,
    pub(super) bytes: Vec<u8>,
    closes: bool,
    answers: Vec<Expected>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// 200, and this body is stored, with this standing.
    Taken(Vec<u8>, Standing),
    /// Exactly the documented refusal, and nothing is stored.
    Refused(u16),
    /// The documented refusal to a `HEAD`.
    RefusedHead(u16),
    /// The status that hyper or Rocket answers without asking the plugin.
    Pinned(u16),
    /// `100 Continue`, before the answer.
    Interim,
    /// The connection is closed, without an answer.
    Closed,
}

impl Case {
    /// These bytes, and one answer.
    pub(super) fn new(row: &'static str, bytes: impl Into<Vec<u8>>, answer: Expected) -> Self {
        Self { row, bytes: bytes.into(), closes: false, answers: vec![answer] }
    }

    /// A refusal.
    pub(super) fn refused(row: &'static str, bytes: impl Into<Vec<u8>>, status: u16) -> Self {
        Self::new(row, bytes, Expected::Refused(status))
    }

    /// A request that is not ours to answer.
    pub(super) fn pinned(row: &'static str, bytes: impl Into<Vec<u8>>, status: u16) -> Self {
        Self::new(row, bytes, Expected::Pinned(status))
    }

    /// Taken, as the state of its result.
    pub(super) fn taken(row: &'static str, bytes: impl Into<Vec<u8>>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(row, bytes, Expected::Taken(body.into(), Standing::Current))
    }

    /// Another answer follows.
    pub(super) fn then(mut self, answer: Expected) -> Self {
        self.answers.push(answer);
        self
    }

    /// The client ends its half of the connection.
    pub(super) fn closes(self) -> Self {
        Self { closes: true, ..self }
    }

    fn shown(&self) -> String {
        let bytes = String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(400)]);
        format!("{}: {bytes:?}, {} bytes", self.row, self.bytes.len())
    }
}

/// Plays each case on a connection of its own, and looks at what was answered and stored.
pub(super) async fn check(cases: Vec<Case>) {
    let staging = SecretConfig::header("staging", STAGING.0, STAGING.1);
    let change = |config: rocket_mojito::MojitoConfig| {
        config.secret("staging", staging).body_limit(ByteUnit::from(LIMIT)).body_deadline(Duration::from_secs(2))
    };
    let host = Host::builder().config(change).start().await;
    let mut stored = 0;

    for case in &cases {
        let mut connection = host.connect().await;
        // The host does not listen any more once it has refused a request half-way.
        connection.try_send(&case.bytes).await;
        if case.closes {
            connection.finish_sending().await;
        }
        for expected in &case.answers {
            if matches!(expected, Expected::Closed) {
                assert!(connection.is_closed().await, "{}", case.shown());
                continue;
            }
            let answer = match expected {
                Expected::RefusedHead(_) | Expected::Interim => connection.answer_to_head().await,
                _ => connection.answer().await,
            };
            let answer = answer.unwrap_or_else(|| panic!("{expected:?}, and no answer: {}", case.shown()));
            stored += check_answer(&host, case, expected, &answer);
        }
        assert_eq!(host.database.deliveries().len(), stored, "{}", case.shown());
    }
    let good = host.post("interview_result", &Body::result("after-all-that").bytes()).await;
    assert_eq!(good.status, 200);
    host.stop().await;
}

/// How many deliveries were stored.
#[track_caller]
fn check_answer(host: &Host, case: &Case, expected: &Expected, answer: &Answer) -> usize {
    let shown = case.shown();
    match expected {
        Expected::Taken(body, standing) => {
            assert_eq!(answer.status, 200, "{answer:?}: {shown}");
            let delivery = host.database.delivery(answer.delivery());
            assert_eq!(answer.body, format!(r#"{{"delivery":"{}"}}"#, delivery.id), "{shown}");
            assert_eq!(delivery.body.as_ref(), Some(body), "{shown}");
            assert_eq!((delivery.standing, delivery.repeat_count), (*standing, 0), "{shown}");
            1
        }
        Expected::Refused(status) => {
            assert_eq!(answer.status, *status, "{answer:?}: {shown}");
            assert_refused(answer, *status);
            0
        }
        Expected::RefusedHead(status) => {
            assert_eq!(answer.status, *status, "{answer:?}: {shown}");
            assert_refusal_headers(answer, *status);
            0
        }
        Expected::Interim => {
            assert_eq!(answer.status, 100, "{answer:?}: {shown}");
            0
        }
        Expected::Closed => unreachable!("nothing is answered"),
        Expected::Pinned(status) => {
            assert_eq!(answer.status, *status, "{answer:?}: {shown}");
            assert!(!answer.body.contains("r-1"), "nothing is repeated to the sender: {answer:?}: {shown}");
            0
        }
    }
}

/// Something good to send: a small body like no other.
pub(super) fn body() -> Vec<u8> {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!(r#"{{"id":"r-{number}","status":"active","interview_status":"completed"}}"#).into_bytes()
}
