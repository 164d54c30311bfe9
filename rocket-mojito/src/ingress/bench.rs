//! Parts that benchmarks measure alone. For no other use.

use mojito_schema::{Content, Fingerprint, NewDelivery};
use rocket::http::HeaderMap;

use super::authentication::authenticate;
use crate::config::{Endpoints, MojitoConfig};
use crate::event::ParsedBody;
use crate::{Error, EventKind, Timestamp};

/// The endpoints of a configuration.
pub struct Gate(Endpoints);

impl Gate {
    /// # Errors
    ///
    /// As at launch.
    pub fn new(config: &MojitoConfig) -> Result<Self, Error> {
        config.resolve().map(Self)
    }

    /// Whether the only endpoint authenticates the sender.
    pub fn admits(&self, headers: &HeaderMap<'_>) -> bool {
        self.0.iter().all(|endpoint| authenticate(endpoint, headers).is_ok())
    }
}

/// Whether a body is read as a snapshot.
pub fn is_usable(body: &[u8]) -> bool {
    matches!(ParsedBody::parse(body), ParsedBody::Usable { .. })
}

/// A body as the delivery that the store records.
///
/// # Panics
///
/// When the body is not usable.
pub fn delivery(body: Vec<u8>) -> NewDelivery {
    let ParsedBody::Usable { payload, findings } = ParsedBody::parse(&body) else { panic!("the body is not usable") };
    let (result_id, snapshot) = payload.into_state();
    let (endpoint, event) = ("default".to_owned(), EventKind::InterviewResult);
    NewDelivery {
        fingerprint: Fingerprint::new(&endpoint, event, &body),
        endpoint,
        secret_id: "measured".to_owned(),
        event,
        received_at: Timestamp::now(),
        body,
        content: Content::Usable { result_id, snapshot: Box::new(snapshot) },
        findings,
        message_id: None,
        awaited_until: None,
    }
}
