use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rocket::http::{ContentType, Header, Status};
use rocket::local::asynchronous::Client;
use rocket::{Build, Rocket};

use super::database::unavailable;
use super::mark::{Host, Testing};
use super::{Answer, ExampleEvent};
use crate::config::Endpoints;
use crate::dispatch::Performed;
use crate::store::CommitFailure;
use crate::{Error, EventKind, Inbox, Timestamp};

/// A host with its plugin, which a test runs step by step, without a socket.
///
/// The host is launched as ever: its fairings, its routes, its database, its secrets. Deliveries are authenticated,
/// recorded and acknowledged as ever. Only the tasks in the background are missing. Handlers run in
/// [`drain`](Self::drain), and nowhere else, and time passes by [`advance`](Self::advance).
///
/// ```
/// use rocket_mojito::testing::TestInbox;
/// use rocket_mojito::{Context, Event, EventKind, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler};
/// use rocket_mojito::{SecretConfig, Sqlite};
///
/// struct HiringDesk;
///
/// #[rocket::async_trait]
/// impl MojitoHandler<Sqlite> for HiringDesk {
///     async fn interview_failed(&self, _: &Event, _: &mut Context<'_, Sqlite>) -> HandlerResult {
///         Err("the applicant system is down".into())
///     }
/// }
///
/// # #[rocket::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = SecretConfig::header("2026-11", "X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f");
/// let config = MojitoConfig::new().secret("default", secret).allow_ephemeral(true);
/// let figment = rocket::Config::figment().merge(("databases.mojito.url", ":memory:"));
/// let host = rocket::custom(figment).attach(MojitoFairing::new(config).handler(HiringDesk));
///
/// let inbox = TestInbox::try_new(host).await?;
/// let answer = inbox.post(&Event::example(EventKind::InterviewFailed)).await?;
/// let first = inbox.drain().await?;
/// inbox.advance(first[0].retry_in().unwrap()).await?;
/// let second = inbox.drain().await?;
///
/// assert_eq!(answer.status(), 200);
/// assert_eq!((first[0].attempt(), second[0].attempt()), (1, 2));
/// # Ok(())
/// # }
/// ```
///
/// # The clock
///
/// `advance` moves every due time and every lease into the past, in the database. That is the same as a clock that is
/// put forward, for both databases and for whichever process looks. The moments at which deliveries were received
/// stay as they are, so retention cannot be tested by it. Nor do the clocks of handlers and gateways move.
///
/// # Failures
///
/// A failure is ordered for this host alone, happens once, and is over. After a death nothing of the attempt is
/// settled: its lease lapses. `advance` by the lease (15 s by default), and the next `drain` rescues the work.
///
/// On drop the host ends, and with it everything that it has started. [`stop`](Self::stop) also runs the shutdown
/// fairings.
pub struct TestInbox {
    client: Client,
    testing: Testing,
    inbox: Inbox,
    posted: AtomicU64,
}

impl TestInbox {
    /// Launches a host for a test. It has a [`MojitoFairing`](crate::MojitoFairing) attached.
    ///
    /// # Errors
    ///
    /// When the host does not launch, for which the log has the reason, or has no fairing.
    pub async fn try_new(rocket: Rocket<Build>) -> Result<Self, Error> {
        let testing = Testing::default();
        let client = Client::untracked(rocket.manage(testing.clone())).await;
        let client = client.map_err(|error| Error::config(format!("the host does not launch: {}", error.kind())))?;
        let inbox = client.rocket().state::<Inbox>().cloned();
        let (Some(inbox), Some(_)) = (inbox, testing.host()) else {
            return Err(Error::config("the host has no `MojitoFairing`: attach one"));
        };
        Ok(Self { client, testing, inbox, posted: AtomicU64::new(0) })
    }

    /// Rocket's local client, for requests to the host's own routes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The host's inbox, for lists, replays and everything else that an operator does.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Posts a delivery to its endpoint, with the first secret and the first key that are configured there.
    ///
    /// # Errors
    ///
    /// When the endpoint is not configured. A refusal is an answer.
    pub async fn post(&self, event: &ExampleEvent) -> Result<Answer, Error> {
        self.post_as(None, event).await
    }

    /// The same with the secret or key of this id. An endpoint that wants a secret and a key also gets the first of the
    /// other kind.
    ///
    /// # Errors
    ///
    /// When the endpoint is not configured, or has no such secret or key.
    pub async fn post_by(&self, secret_id: &str, event: &ExampleEvent) -> Result<Answer, Error> {
        self.post_as(Some(secret_id), event).await
    }

    /// Posts any bytes to the path of a kind, or with `Unknown` to the path for all events, authenticated like
    /// [`post`](Self::post).
    ///
    /// # Errors
    ///
    /// When the endpoint is not configured.
    pub async fn post_bytes(&self, endpoint: &str, kind: EventKind, body: &[u8]) -> Result<Answer, Error> {
        let headers = self.credentials(endpoint, None, None, body)?;
        Ok(self.send(endpoint, kind, headers, body).await)
    }

    /// Posts a delivery without any secret or signature.
    pub async fn post_unauthenticated(&self, event: &ExampleEvent) -> Answer {
        self.send(event.endpoint_name(), event.kind(), Vec::new(), &event.body()).await
    }

    async fn post_as(&self, secret_id: Option<&str>, event: &ExampleEvent) -> Result<Answer, Error> {
        let (endpoint, body) = (event.endpoint_name(), event.body());
        let headers = self.credentials(endpoint, secret_id, event.message(), &body)?;
        Ok(self.send(endpoint, event.kind(), headers, &body).await)
    }

    async fn send(&self, endpoint: &str, kind: EventKind, headers: Vec<Header<'static>>, body: &[u8]) -> Answer {
        let mut path = self.host().config.mount.trim_end_matches('/').to_owned();
        if endpoint != Endpoints::DEFAULT {
            path = format!("{path}/{endpoint}");
        }
        if kind != EventKind::Unknown {
            path = format!("{path}/{kind}");
        }
        let mut request = self.client.post(path).header(ContentType::JSON).body(body);
        for header in headers {
            request.add_header(header);
        }
        let answer = request.dispatch().await;
        let Status { code } = answer.status();
        Answer::new(code, &answer.into_string().await.unwrap_or_default())
    }

    /// The headers that authenticate a body at an endpoint.
    fn credentials(
        &self,
        endpoint: &str,
        secret_id: Option<&str>,
        message_id: Option<&str>,
        body: &[u8],
    ) -> Result<Vec<Header<'static>>, Error> {
        let signers = self.host().config.signers(endpoint, secret_id)?;
        let number = self.posted.fetch_add(1, Ordering::Relaxed);
        let message_id = message_id.map_or_else(|| format!("msg_{number}"), str::to_owned);
        let now = u64::try_from(Timestamp::now().unix_timestamp()).unwrap_or_default();
        let headers = signers.iter().flat_map(|signer| signer.sign(&message_id, now, body));
        Ok(headers.map(|(name, value)| Header::new(name, value)).collect())
    }

    /// Runs everything that is due until nothing is, one attempt at a time. The order is fixed: handler by handler as
    /// they are attached, and for each in stored order. Lapsed leases are rescued first, and owed hooks are called.
    /// Returns the attempts. It ends early where the process dies by a test's order.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped half-way, the running attempt is rolled back, and its lease lapses.
    pub async fn drain(&self) -> Result<Vec<Performed>, Error> {
        self.host().steps.drain().await.map_err(unavailable)
    }

    /// Puts the clock of due times, leases and hooks forward, in whole seconds. A part of a second counts as a whole
    /// one.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn advance(&self, by: Duration) -> Result<(), Error> {
        let whole = Duration::from_secs(by.as_secs() + u64::from(by.subsec_nanos() > 0));
        self.host().steps.advance(whole).await.map_err(unavailable)
    }

    /// The next commit of a handler's effect fails: it is rolled back, and the attempt counts as failed. The "done" mark
    /// of a handler without a transaction is not written, and its lease lapses.
    pub fn fail_next_commit(&self) {
        self.fail(CommitFailure::Refused);
    }

    /// The process dies before the next commit: the effect is rolled back, and the lease lapses.
    pub fn die_before_commit(&self) {
        self.fail(CommitFailure::DiesBefore);
    }

    /// The process dies after the next commit. Of a handler without a transaction, everything but the "done" mark has
    /// happened then.
    pub fn die_after_commit(&self) {
        self.fail(CommitFailure::DiesAfter);
    }

    fn fail(&self, failure: CommitFailure) {
        self.host().steps.failures().fail_commit(failure);
    }

    fn host(&self) -> &Host {
        self.testing.host().expect("checked at the launch")
    }

    /// Shuts the host down, with its shutdown fairings.
    pub async fn stop(self) {
        self.client.terminate().await;
    }
}

impl fmt::Debug for TestInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestInbox").finish_non_exhaustive()
    }
}
