//! Doors into what hosts never call, for the tests and fuzz targets of this project. Nothing here is a promise.

use mojito_schema::{Content, NewDelivery};
use rocket::http::HeaderMap;

use crate::config::Endpoints;
use crate::event::{ParsedBody, classify};
use crate::ingress::{Cause, authenticate, signer};
use crate::{EndpointConfig, Error, EventKind, Finding, MojitoConfig, Payload, Rejection, SecretConfig, Timestamp};

/// What stands at the entrance of an endpoint, without a socket in front of it and with the clock in the caller's hand.
pub struct Gate(Endpoints);

impl Gate {
    /// The entrance of an endpoint with these secrets and keys.
    ///
    /// # Errors
    ///
    /// Those of a launch.
    pub fn try_new(secrets: impl IntoIterator<Item = SecretConfig>) -> Result<Self, Error> {
        let endpoint = secrets.into_iter().fold(EndpointConfig::new(), EndpointConfig::secret);
        MojitoConfig::new().endpoint(Endpoints::DEFAULT, endpoint).resolve().map(Self)
    }

    /// The entrance of the only endpoint of a configuration.
    ///
    /// # Errors
    ///
    /// Those of a launch.
    pub fn of_config(config: &MojitoConfig) -> Result<Self, Error> {
        config.resolve().map(Self)
    }

    /// Which static secret these headers hold: what is decided before the body is read.
    ///
    /// # Errors
    ///
    /// When they hold none of those that there are.
    pub fn authenticate(&self, headers: &HeaderMap<'_>) -> Result<Option<&str>, Rejection> {
        let endpoint = self.0.iter().next().expect("there is one");
        authenticate(endpoint, headers).map(|sender| sender.secret_id)
    }

    /// Which key signed this body, and the signed id of the message: what is decided after the body was read.
    ///
    /// # Errors
    ///
    /// When none did, or not within the window around `now`.
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

/// What a body was understood as.
pub struct Understood {
    /// What it says, by its path or by itself.
    pub kind: EventKind,
    /// None where it is quarantined.
    pub payload: Option<Payload>,
    /// What was noteworthy; where it is quarantined, why.
    pub findings: Vec<Finding>,
    /// Which result it is about, where that can be told.
    pub result_id: Option<String>,
}

impl Understood {
    /// Reads a body that came to the path of an event, or to the one of all.
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

/// Whether a body is read as a snapshot.
pub fn is_usable(body: &[u8]) -> bool {
    matches!(ParsedBody::parse(body), ParsedBody::Usable { .. })
}
