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

#[cfg(test)]
mod tests {
    use rocket::error::ErrorKind;
    use rocket::http::{Header, Status};
    use rocket::local::asynchronous::Client;
    use rocket::{Build, post, routes};

    use super::*;
    use crate::config::SecretConfig;
    use crate::{FindingCode, MojitoConfig};

    const HEADER: &str = "X-Mojito-Secret";
    const SECRET: &str = "a-secret-of-more-than-24-letters";
    const SMALL: &str = r#"{"id":"r","status":"active","interview_status":"completed"}"#;
    const MAX_BODY: usize = 64 << 10;

    /// Answers with all that a delivery tells, or with the cause for which there is none.
    #[post("/<_..>", data = "<event>")]
    fn receive(event: Result<MojitoEvent, Rejection>) -> String {
        match event {
            Ok(event) => {
                let payload = event.payload().map_or("none", |payload| &payload.id);
                let codes: Vec<FindingCode> = event.findings().iter().map(|finding| finding.code).collect();
                let odd = codes.into_iter().filter(|code| *code != FindingCode::Missing).collect::<Vec<_>>();
                let (kind, endpoint, secret) = (event.kind(), event.endpoint(), event.secret_id());
                format!("{kind} at {endpoint} by {secret}: {payload}, {odd:?}, {} bytes", event.body().len())
            }
            Err(rejection) => rejection.cause().to_owned(),
        }
    }

    /// Endpoints with a secret, one of them paused.
    fn ingress() -> Ingress {
        let config = MojitoConfig::new()
            .body_limit(ByteUnit::from(MAX_BODY))
            .secret("default", SecretConfig::header("first", HEADER, SECRET))
            .secret("paused", SecretConfig::header("second", HEADER, SECRET.to_uppercase()));
        let paused = [("default".to_owned(), false), ("paused".to_owned(), true)];
        let notices = Notices::start().unwrap();
        Ingress::new(config.resolve().unwrap(), &config, Pauses::new(paused, []), notices)
    }

    /// A host with the route alone.
    fn host() -> Rocket<Build> {
        let quiet = rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::debug_default() };
        rocket::custom(quiet).mount("/webhooks/jobmojito", routes![receive])
    }

    async fn client() -> Client {
        Client::untracked(host().manage(ingress())).await.unwrap()
    }

    async fn answer(client: &Client, path: &str, secret: &str, length: Option<usize>, body: &[u8]) -> String {
        let mut post = client.post(format!("/webhooks/jobmojito{path}")).body(body);
        post.add_header(Header::new(HEADER, secret.to_owned()));
        if let Some(length) = length {
            post.add_header(Header::new("Content-Length", length.to_string()));
        }
        let answer = post.dispatch().await;
        assert_eq!(answer.status(), Status::Ok);
        answer.into_string().await.unwrap()
    }

    /// A usable body of so many bytes.
    fn body_of(length: usize) -> Vec<u8> {
        let frame = SMALL.len() + r#","x":"""#.len();
        let body = format!("{},\"x\":\"{}\"}}", &SMALL[..SMALL.len() - 1], "x".repeat(length - frame));
        assert_eq!(body.len(), length);
        body.into_bytes()
    }

    #[tokio::test]
    async fn a_delivery_tells_what_arrived_where_and_by_which_secret() {
        let client = client().await;
        let told = |path, body: &'static str| {
            let client = &client;
            async move { answer(client, path, SECRET, None, body.as_bytes()).await }
        };

        let named = told("/interview_result", SMALL).await;
        let described = told("/default", SMALL).await;
        let nothing = told("/interview_failed", "[]").await;

        assert_eq!(named, "interview_result at default by first: r, [], 59 bytes");
        assert_eq!(described, named);
        assert_eq!(nothing, "interview_failed at default by first: none, [NotObject], 2 bytes");
        assert_eq!(answer(&client, "", "wrong", None, SMALL.as_bytes()).await, "secret_wrong");
        assert_eq!(answer(&client, "/paused", &SECRET.to_uppercase(), None, SMALL.as_bytes()).await, "paused");
    }

    /// Small ones and those that need room, up to the last byte that is allowed, with a declared length and without.
    #[tokio::test]
    async fn a_body_of_any_length_up_to_the_limit_arrives_whole() {
        let client = client().await;
        let small = usize::try_from(MAX_SMALL_BODY).unwrap();

        for length in [70, small - 1, small, small + 1, MAX_BODY - 1, MAX_BODY] {
            let body = body_of(length);
            for declared in [None, Some(length)] {
                let told = answer(&client, "", SECRET, declared, &body).await;
                assert_eq!(told, format!("interview_result at default by first: r, [], {length} bytes"));
            }
        }
        let longer = body_of(MAX_BODY + 1);
        assert_eq!(answer(&client, "", SECRET, None, &longer).await, "actual_too_large");
        assert_eq!(answer(&client, "", SECRET, Some(MAX_BODY + 1), &longer).await, "declared_too_large");
    }

    #[tokio::test]
    async fn a_body_of_another_length_than_declared_is_cut() {
        let client = client().await;
        let body = body_of(100);

        for declared in [0, 1, 99, 101, MAX_BODY] {
            assert_eq!(answer(&client, "", SECRET, Some(declared), &body).await, "body_cut");
        }
        assert_eq!(answer(&client, "", SECRET, None, b"").await, "body_empty");
    }

    #[tokio::test]
    async fn a_body_that_the_host_vouches_for_is_one_like_any_other() {
        let ingress = ingress();
        let vouched = |endpoint, kind, body: Vec<u8>| ingress.vouched(endpoint, kind, body);
        let result = EventKind::InterviewResult;
        let cause =
            |outcome: Result<MojitoEvent, Rejection>| outcome.map(|_| ()).map_err(|rejection| rejection.cause());

        let event = vouched("default", EventKind::Unknown, body_of(MAX_BODY)).await.unwrap();
        assert_eq!((event.kind(), event.endpoint(), event.secret_id()), (result, "default", "vouched"));
        assert_eq!(event.body(), body_of(MAX_BODY));
        let named = vouched("default", EventKind::InterviewFailed, body_of(100)).await.unwrap();
        assert_eq!(named.kind(), EventKind::InterviewFailed);
        assert_eq!(named.findings().last().unwrap().code, FindingCode::RouteBodyMismatch);
        assert_eq!(cause(vouched("default", result, body_of(MAX_BODY + 1)).await), Err("actual_too_large"));
        assert_eq!(cause(vouched("default", result, Vec::new()).await), Err("body_empty"));
        assert_eq!(cause(vouched("elsewhere", result, body_of(100)).await), Err("unknown_endpoint"));
        assert_eq!(cause(vouched("paused", result, body_of(100)).await), Err("paused"));
        let known = ["default", "paused", "elsewhere"].map(|name| ingress.has_endpoint(name));
        assert_eq!(known, [true, true, false]);
    }

    #[tokio::test]
    async fn a_delivery_is_recorded_with_all_that_was_read() {
        let ingress = ingress();
        let usable = ingress.vouched("default", EventKind::Unknown, SMALL.into()).await.unwrap().into_delivery();
        let unusable = ingress.vouched("default", EventKind::Unknown, b"[]".into()).await.unwrap().into_delivery();

        assert_eq!(
            (usable.endpoint(), usable.event(), &*usable.secret_id),
            ("default", EventKind::InterviewResult, "vouched")
        );
        assert_eq!((usable.result_id(), usable.body()), (Some("r"), SMALL.as_bytes()));
        let Content::Usable { snapshot, .. } = &usable.content else { panic!("usable") };
        assert_eq!(snapshot.status.as_deref(), Some("active"));
        assert!(usable.findings.iter().all(|finding| finding.code == FindingCode::Missing));
        assert_eq!((unusable.event(), unusable.result_id()), (EventKind::Unknown, None));
        assert_eq!(unusable.findings, [Finding::new(FindingCode::NotObject)]);
    }

    #[tokio::test]
    async fn a_route_without_the_fairing_stops_the_launch() {
        let error = host().ignite().await.err().unwrap();

        assert!(matches!(error.kind(), ErrorKind::SentinelAborts(_)));
    }
}
