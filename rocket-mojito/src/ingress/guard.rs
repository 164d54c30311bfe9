use std::fmt;
use std::sync::Arc;

use mojito_schema::{Content, NewDelivery, failpoint};
use rocket::data::{ByteUnit, Data, FromData, Outcome};
use rocket::request::Request;
use rocket::{Ignite, Rocket, Sentinel};

use super::authentication::authenticate;
use super::body::{HeldBytes, Limits};
use super::room::{MAX_SMALL_BODY, Rooms};
use super::signature::Verified;
use super::{Cause, Rejection};
use crate::config::{Endpoint, LiveEndpoints, MojitoConfig};
use crate::event::{ParsedBody, Payload, classify};
use crate::notices::Notices;
use crate::store::{Pauses, Unavailable};
use crate::{EventKind, Finding, Timestamp};

/// The state of the data guard. Managed by the fairing.
#[derive(Clone)]
pub(crate) struct Ingress(Arc<Inner>);

struct Inner {
    endpoints: LiveEndpoints,
    limits: Limits,
    pauses: Pauses,
    notices: Notices,
}

impl Ingress {
    pub fn new(endpoints: LiveEndpoints, config: &MojitoConfig, pauses: Pauses, notices: Notices) -> Self {
        let arriving = ByteUnit::from(config.queue_limit.as_u64() / 4);
        let in_force = endpoints.in_force();
        let unauthenticated = in_force.iter().filter(|endpoint| endpoint.secrets.is_empty());
        let rooms = Rooms::new(config.body_limit, arriving, unauthenticated.map(|endpoint| &*endpoint.name));
        let limits = Limits { size: config.body_limit, deadline: config.body_deadline, rooms };
        Self(Arc::new(Inner { endpoints, limits, pauses, notices }))
    }

    pub fn endpoints(&self) -> &LiveEndpoints {
        &self.0.endpoints
    }

    pub fn has_endpoint(&self, name: &str) -> bool {
        self.0.endpoints.in_force().iter().any(|endpoint| endpoint.name == name)
    }

    /// A body that the host vouches for. No secret is asked for, and everything else is as for a posted one.
    pub async fn vouched(&self, endpoint: &str, kind: EventKind, bytes: Vec<u8>) -> Result<MojitoEvent, Rejection> {
        let received_at = Timestamp::now();
        let endpoints = self.0.endpoints.in_force();
        let known = endpoints.iter().find(|known| known.name == endpoint);
        let endpoint = known.ok_or(Rejection::new(Cause::UnknownEndpoint))?;
        if bytes.len() as u64 > self.0.limits.size.as_u64() {
            return Err(Rejection::new(Cause::ActualTooLarge));
        }
        if bytes.is_empty() {
            return Err(Rejection::new(Cause::BodyEmpty));
        }
        if self.0.pauses.has_endpoint(&endpoint.name) {
            return Err(Rejection::new(Cause::Paused));
        }
        let body = HeldBytes { bytes, room: None };
        let verified = Verified::by_host(endpoint, body);
        let path = Some(kind).filter(|kind| *kind != EventKind::Unknown);
        MojitoEvent::from_verified(verified, path, received_at).await
    }
}

/// An authentic delivery, complete and read, that is not recorded yet: a data guard for routes of your own.
///
/// [`Inbox::record`](crate::Inbox::record) records it. The path of the request names the endpoint and the event kind:
/// `…/endpoint/interview_result`. Both parts are optional; without the first, the endpoint is `default`. The plugin's
/// own routes consist of this guard and that call:
///
/// ```
/// # use rocket::post;
/// use rocket_mojito::{Inbox, MojitoEvent, Receipt, Rejection};
///
/// #[post("/my/own/interview_result", data = "<event>")]
/// async fn receive(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
///     inbox.record(event?).await
/// }
/// ```
///
/// A route that takes it as `Result` answers a refusal exactly as documented. Taken plainly, a refusal goes to the
/// host's catchers. A launch with a route that has this guard, but without the fairing, is stopped.
///
/// # Cancellation
///
/// A dropped future leaves nothing behind.
pub struct MojitoEvent {
    endpoint: String,
    secret_id: String,
    received_at: Timestamp,
    kind: EventKind,
    message_id: Option<String>,
    body: HeldBytes,
    reading: ParsedBody,
}

impl MojitoEvent {
    /// The event kind of the delivery.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The body, field by field. `None` if the body was not understood, and will be quarantined.
    pub fn payload(&self) -> Option<&Payload> {
        match &self.reading {
            ParsedBody::Usable { payload, .. } => Some(payload),
            ParsedBody::Unusable { .. } => None,
        }
    }

    /// The findings of the delivery. If the body was not understood, the cause.
    pub fn findings(&self) -> &[Finding] {
        match &self.reading {
            ParsedBody::Usable { findings, .. } => findings,
            ParsedBody::Unusable { cause, .. } => std::slice::from_ref(cause),
        }
    }

    /// The endpoint that received the delivery.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The id of the secret or key that authenticated the delivery.
    pub fn secret_id(&self) -> &str {
        &self.secret_id
    }

    /// The raw bytes.
    pub fn body(&self) -> &[u8] {
        &self.body.bytes
    }

    async fn from_verified(
        verified: Verified<'_>,
        path: Option<EventKind>,
        received_at: Timestamp,
    ) -> Result<Self, Rejection> {
        let Verified { endpoint, secret_id, message_id, body } = verified;
        let (body, reading) = understand(body).await?;
        let (kind, reading) = classify(path, reading);
        Ok(Self {
            endpoint: endpoint.name.clone(),
            secret_id: secret_id.to_owned(),
            received_at,
            kind,
            message_id,
            body,
            reading,
        })
    }

    pub(crate) fn into_delivery(self) -> NewDelivery {
        let HeldBytes { bytes: body, room } = self.body;
        // From here on the recorder's queue counts the body.
        drop(room);
        let (content, findings) = match self.reading {
            ParsedBody::Usable { payload, findings } => {
                let (result_id, snapshot) = payload.into_state();
                (Content::Usable { result_id, snapshot: Box::new(snapshot) }, findings)
            }
            ParsedBody::Unusable { cause, result_id } => (Content::Unusable { result_id }, vec![cause]),
        };
        let mut delivery = NewDelivery::new(self.endpoint, self.secret_id, self.kind, self.received_at, body, content);
        (delivery.findings, delivery.message_id) = (findings, self.message_id);
        delivery
    }
}

/// Authenticate, read, verify, parse: each step takes a value that only the step before can give.
async fn receive(
    ingress: &Ingress,
    located: Option<(&Endpoint, Option<EventKind>)>,
    request: &Request<'_>,
    data: Data<'_>,
) -> Result<MojitoEvent, Rejection> {
    let (endpoint, path) = located.ok_or(Rejection::new(Cause::UnknownEndpoint))?;
    let sender = authenticate(endpoint, request.headers())?;
    let body = sender.read(request.headers(), data, &ingress.0.limits).await?;
    let received_at = Timestamp::now();
    let verified = body.verify(request.headers(), received_at)?;
    if ingress.0.pauses.has_endpoint(&endpoint.name) {
        return Err(Rejection::new(Cause::Paused));
    }
    failpoint::reach("ingress.read");
    MojitoEvent::from_verified(verified, path, received_at).await
}

/// Parses a body. A large one takes a while, so the blocking pool parses it and frees this thread.
async fn understand(body: HeldBytes) -> Result<(HeldBytes, ParsedBody), Rejection> {
    if (body.bytes.len() as u64) < MAX_SMALL_BODY {
        let reading = ParsedBody::parse(&body.bytes);
        return Ok((body, reading));
    }
    let reading = tokio::task::spawn_blocking(move || {
        let reading = ParsedBody::parse(&body.bytes);
        (body, reading)
    });
    reading.await.map_err(|_| Rejection::from(Unavailable::Stopping))
}

#[rocket::async_trait]
impl<'r> FromData<'r> for MojitoEvent {
    type Error = Rejection;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let ingress = request.rocket().state::<Ingress>().expect("the sentinel stops a launch without the fairing");
        let endpoints = ingress.0.endpoints.in_force();
        let located = endpoints.locate(request.uri().path().segments());
        match receive(ingress, located, request, data).await {
            Ok(event) => Outcome::Success(event),
            Err(rejection) => {
                ingress.0.notices.say(rejection.notice(located.map(|(endpoint, _)| endpoint.name.clone())));
                Outcome::Error((rejection.status(), rejection))
            }
        }
    }
}

impl Sentinel for MojitoEvent {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        let is_missing = rocket.state::<Ingress>().is_none();
        if is_missing {
            tracing::error!("a route takes a `MojitoEvent`, but no `MojitoFairing` is attached: attach one");
        }
        is_missing
    }
}

impl fmt::Debug for MojitoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MojitoEvent")
            .field("kind", &self.kind)
            .field("endpoint", &self.endpoint)
            .field("findings", &self.findings())
            .finish_non_exhaustive()
    }
}
