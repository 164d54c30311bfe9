//! Access to internals for the tests and fuzz targets of this project. Nothing here is a promise.

use std::sync::Arc;

use mojito_schema::{Content, NewDelivery};
use rocket::http::HeaderMap;

use crate::config::Endpoints;
use crate::event::{ParsedBody, classify};
use crate::ingress::{Cause, authenticate, signer};
use crate::{EndpointConfig, Error, EventKind, Finding, MojitoConfig, Payload, Rejection, SecretConfig, Timestamp};

/// The authentication and verification of an endpoint, without a socket and with the caller's clock.
pub struct Gate(Arc<Endpoints>);

impl Gate {
    /// The gate of an endpoint with these secrets and keys.
    ///
    /// # Errors
    ///
    /// The errors of a launch.
    pub fn try_new(secrets: impl IntoIterator<Item = SecretConfig>) -> Result<Self, Error> {
        let endpoint = secrets.into_iter().fold(EndpointConfig::new(), EndpointConfig::secret);
        MojitoConfig::new().endpoint(Endpoints::DEFAULT, endpoint).resolve().map(|endpoints| Self(endpoints.in_force()))
    }

    /// The entrance of the only endpoint of a configuration.
    ///
    /// # Errors
    ///
    /// Those of a launch.
    pub fn of_config(config: &MojitoConfig) -> Result<Self, Error> {
        config.resolve().map(|endpoints| Self(endpoints.in_force()))
    }

    /// The static secret in these headers: the decision before the body is read.
    ///
    /// # Errors
    ///
    /// When the headers hold no secret of the endpoint.
    pub fn authenticate(&self, headers: &HeaderMap<'_>) -> Result<Option<&str>, Rejection> {
        let endpoint = self.0.iter().next().expect("there is one");
        authenticate(endpoint, headers).map(|sender| sender.secret_id)
    }

    /// The key that signed this body, and the signed id of the message: the decision after the body was read.
    ///
    /// # Errors
    ///
    /// When no key signed it, or the time is outside of the window around `now`.
    pub fn verify(
        &self,
        headers: &HeaderMap<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(&str, Option<String>), Rejection> {
        let endpoint = self.0.iter().next().expect("there is one");
        let found = signer(&endpoint.keys, headers, body, now);
        found.map(|(key, message_id)| (&*key.id, message_id)).map_err(|flaw| Rejection::new(Cause::Signature(flaw)))
    }
}

/// A body after parsing and classification.
pub struct Understood {
    /// The event kind, by the path or by the body.
    pub kind: EventKind,
    /// `None` if the body is quarantined.
    pub payload: Option<Payload>,
    /// The findings. If the body is quarantined, the cause.
    pub findings: Vec<Finding>,
    /// The id of the result, if it is readable.
    pub result_id: Option<String>,
}

impl Understood {
    /// Reads a body that came to the path of an event kind, or to the path for all kinds.
    pub fn new(path: Option<EventKind>, body: &[u8]) -> Self {
        let (kind, reading) = classify(path, ParsedBody::parse(body));
        match reading {
            ParsedBody::Usable { payload, findings } => {
                Self { kind, result_id: Some(payload.id.clone()), payload: Some(*payload), findings }
            }
            ParsedBody::Unusable { cause, result_id } => Self { kind, payload: None, findings: vec![cause], result_id },
        }
    }

    /// The columns of the result table.
    pub fn snapshot(&self) -> Option<mojito_schema::Snapshot> {
        self.payload.clone().map(|payload| payload.into_state().1)
    }
}

/// A body as it goes to the store, which also a benchmark measures alone.
///
/// # Panics
///
/// When the body is not usable.
pub fn delivery(body: Vec<u8>) -> NewDelivery {
    let ParsedBody::Usable { payload, findings } = ParsedBody::parse(&body) else { panic!("the body is not usable") };
    let (result_id, snapshot) = payload.into_state();
    let (endpoint, event) = ("default".to_owned(), EventKind::InterviewResult);
    let content = Content::Usable { result_id, snapshot: Box::new(snapshot) };
    let mut delivery = NewDelivery::new(endpoint, "measured".to_owned(), event, Timestamp::now(), body, content);
    delivery.findings = findings;
    delivery
}

/// The setters of an example event, by name.
#[cfg(feature = "testing")]
pub fn example_setters() -> Vec<&'static str> {
    crate::testing::ExampleEvent::SETTERS.iter().map(|(name, _)| *name).collect()
}

/// Whether a body is read as a snapshot.
pub fn is_usable(body: &[u8]) -> bool {
    matches!(ParsedBody::parse(body), ParsedBody::Usable { .. })
}
