mod check;
#[cfg(feature = "cli")]
mod detached;
mod drift;
mod endpoints;
mod erase;
mod handlers;
mod look;
mod names;
mod pause;
mod record_body;
mod rehearse;
mod started;

use std::sync::Arc;

use mojito_schema::{AttemptRow, Backlog, Dismissed, Listing, Selection, Standing};
use rocket::request::{self, FromRequest, Request};
use rocket::{Ignite, Rocket, Sentinel};

pub use self::check::{Check, Verdict};
pub use self::endpoints::{EndpointState, SecretState};
pub(crate) use self::started::Started;
use crate::Error;
use crate::config::InboxSettings;
use crate::ingress::{Ingress, MojitoEvent, Receipt, Rejection};
use crate::notices::{Notice, Notices, Scope};
use crate::operation::{Actor, Discard, Dismissal, Pruned, Replay, Replayed};
use crate::store::{Change, OperationTasks, Pauses, Recorder, Requests, Unfinished};

/// The way into the store: records deliveries, and carries out operators' requests.
///
/// The fairing manages it. Take `&State<Inbox>`, or the guard `Inbox`, which is a cheap handle of its own.
#[derive(Clone)]
pub struct Inbox {
    recorder: Arc<Recorder>,
    operations: OperationTasks,
    settings: InboxSettings,
    pauses: Pauses,
    ingress: Ingress,
    notices: Notices,
}

impl Inbox {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        operations: OperationTasks,
        settings: InboxSettings,
        pauses: Pauses,
        ingress: Ingress,
        notices: Notices,
    ) -> Self {
        Self { recorder, operations, settings, pauses, ingress, notices }
    }

    /// Records a delivery. The receipt proves that it is durable.
    ///
    /// # Errors
    ///
    /// When it was not committed in time. The commit may still happen; then a retry counts as a repeat.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the delivery is recorded.
    pub async fn record(&self, event: MojitoEvent) -> Result<Receipt, Rejection> {
        let endpoint = event.endpoint().to_owned();
        match self.recorder.record(event.into_delivery()).await {
            Ok(recorded) => {
                let (delivery, standing) = (recorded.delivery_id, recorded.standing);
                self.notices.detail(|| Notice::Recorded { delivery, standing: standing.as_str() });
                self.notices.works(|| Scope::Endpoint(endpoint.clone()));
                if standing == Standing::Quarantined {
                    self.notices.say(Notice::Quarantined { endpoint, delivery });
                }
                Ok(Receipt::new(recorded))
            }
            Err(unavailable) => {
                let rejection = Rejection::from(unavailable);
                self.notices.say(rejection.notice(Some(endpoint)));
                Err(rejection)
            }
        }
    }

    /// Counts work and deliveries: waiting with and without an attached handler, overdue, running, dead and
    /// quarantined. An answer also proves that the store takes deliveries.
    ///
    /// # Errors
    ///
    /// When the database does not answer, or refused the last commit that was asked of it: the disk may be full, or
    /// fail.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        self.operations
            .run(async move |operations| operations.backlog().await)
            .await
            .map_err(|_| Error::unavailable("the backlog"))
    }

    /// The selected deliveries, newest first, each with its selected work. A page begins before a given delivery, or
    /// with the newest. `limit` is cut to a thousand.
    ///
    /// A page reads ten thousand rows at most, and says how far back it has searched. Its error texts come from
    /// handlers, and may quote a candidate.
    ///
    /// ```
    /// # use rocket_mojito::{Error, Inbox, Listing, Selection, State};
    /// /// What is dead, and of what it died.
    /// async fn dead(inbox: &Inbox, before: Option<i64>) -> Result<Listing, Error> {
    ///     inbox.list(&Selection::all().state(State::Discarded), before, 100).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn list(&self, selection: &Selection, before: Option<i64>, limit: usize) -> Result<Listing, Error> {
        const MAX_LIMIT: usize = 1_000;
        self.check_names(selection).await?;
        let limit = i64::try_from(limit.clamp(1, MAX_LIMIT)).expect("a thousand at most");
        let (selection, before) = (selection.clone(), before.unwrap_or(i64::MAX));
        let listing =
            self.operations.run(async move |operations| operations.list(selection, before, limit).await).await;
        listing.map_err(|_| Error::unavailable("the list"))
    }

    /// The attempts on a delivery that did not simply succeed at once, the newest last. Each that failed, panicked, took
    /// too long, gave up or was lost is told, and each success after such. A replay adds to them. A thousand at most.
    ///
    /// An attempt that was not possible, or that a shutdown handed back, does not count, and has no row. Error texts
    /// come from handlers, and may quote a candidate. An erasure removes them.
    ///
    /// ```
    /// # use rocket_mojito::{Error, Inbox};
    /// /// What became of each attempt, as one line each.
    /// async fn story(inbox: &Inbox, delivery: i64) -> Result<Vec<String>, Error> {
    ///     let attempts = inbox.attempts(delivery).await?;
    ///     Ok(attempts.iter().map(|row| format!("{} {}: {}", row.handler, row.attempt, row.outcome)).collect())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn attempts(&self, delivery: i64) -> Result<Vec<AttemptRow>, Error> {
        let attempts = self.operations.run(async move |operations| operations.attempts(delivery).await).await;
        attempts.map_err(|_| Error::unavailable("the attempts"))
    }

    /// The number of deliveries that a selection covers: the dry run of a replay.
    ///
    /// # Errors
    ///
    /// When the selection names a handler or an endpoint that neither exists nor occurs in the tables, or the database
    /// does not answer.
    pub async fn count(&self, selection: &Selection) -> Result<u64, Error> {
        Ok(self.plan(selection).await?.deliveries)
    }

    /// Hands deliveries to handlers again, from the first attempt, whatever their former outcome. It takes as long as
    /// its pace says. Work that waits again is due at once, and live deliveries never wait behind the rest of the
    /// replay.
    ///
    /// A replay skips repeat detection on purpose. Running work is left alone. Quarantined deliveries are read with
    /// today's types. If their result has a newer version by now, they become `late`, and the state is not moved back.
    /// A handler sees that by [`Event::is_superseded`](crate::Event::is_superseded).
    ///
    /// # Errors
    ///
    /// When no handler or endpoint has the given name, the replay was cancelled ([`is_cancelled`](Error::is_cancelled)), or
    /// the database does not answer. [`is_refused`](Error::is_refused) if the handler is retired, or an event is named for
    /// a delivery whose event is known. Work that was replayed until then stays replayed, and stands in the audit.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the replay goes on.
    pub async fn replay(&self, replay: Replay, actor: Actor) -> Result<Replayed, Error> {
        self.start_replay(replay, actor).await?.outcome().await
    }

    /// Starts a replay, whose outcome need not be waited for.
    pub(crate) async fn start_replay(&self, replay: Replay, actor: Actor) -> Result<Started<Replayed>, Error> {
        if let Some(name) = &replay.handler {
            self.check_target(name).await?;
        }
        self.check_names(&replay.selection).await?;
        self.check_events(&replay).await?;
        let run = async move |operations: Arc<dyn Requests>, begun| {
            operations.change(Change::Replay(replay), actor, begun).await.map(|changed| changed.replayed)
        };
        Ok(Started::new(self.operations.start(run).await, |unfinished| not_finished("the replay", unfinished)))
    }

    /// Gives up the selected work that waits. Returns its count. Running work is left alone. Lists show the discarded
    /// work as dead, and a [`replay`](Self::replay) brings it back.
    ///
    /// A [`Selection`] is enough where the pace does not matter.
    ///
    /// ```
    /// # use rocket_mojito::{Actor, Discard, Error, Inbox, Selection};
    /// /// A campaign that is over: no handler shall see what still waits. The desk goes on beside it.
    /// async fn give_up(inbox: &Inbox) -> Result<u64, Error> {
    ///     let discard = Discard::new(Selection::all().endpoint("campaign")).per_second(100);
    ///     inbox.discard(discard, Actor::new("anna@ops").because("the campaign is over")).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the discard goes on.
    pub async fn discard(&self, discard: impl Into<Discard>, actor: Actor) -> Result<u64, Error> {
        self.start_discard(discard.into(), actor).await?.outcome().await
    }

    /// Starts a discard, whose outcome need not be waited for.
    pub(crate) async fn start_discard(&self, discard: Discard, actor: Actor) -> Result<Started<u64>, Error> {
        self.check_names(&discard.selection).await?;
        let run = async move |operations: Arc<dyn Requests>, begun| {
            operations.change(Change::Discard(discard), actor, begun).await.map(|changed| changed.discarded)
        };
        Ok(Started::new(self.operations.start(run).await, |unfinished| not_finished("the discard", unfinished)))
    }

    /// Dismisses the selected work that is dead, and the selected deliveries that are in quarantine. They leave the
    /// [`backlog`](Self::backlog), and alarms can clear. Nothing else changes: lists show them with the time of the
    /// dismissal, and a [`replay`](Self::replay) brings them back. Rows that are dismissed already are left alone.
    ///
    /// A [`Selection`] is enough where the pace does not matter.
    ///
    /// ```
    /// # use rocket_mojito::{Actor, Dismissed, Error, Inbox, Selection};
    /// /// A campaign that is over: nobody will replay its dead work.
    /// async fn let_go(inbox: &Inbox) -> Result<Dismissed, Error> {
    ///     let actor = Actor::new("anna@ops").because("the campaign is over");
    ///     inbox.dismiss(Selection::all().endpoint("campaign"), actor).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the dismissal goes on.
    pub async fn dismiss(&self, dismissal: impl Into<Dismissal>, actor: Actor) -> Result<Dismissed, Error> {
        self.start_dismissal(dismissal.into(), actor).await?.outcome().await
    }

    /// Starts a dismissal, whose outcome need not be waited for.
    pub(crate) async fn start_dismissal(
        &self,
        dismissal: Dismissal,
        actor: Actor,
    ) -> Result<Started<Dismissed>, Error> {
        self.check_names(&dismissal.selection).await?;
        let run = async move |operations: Arc<dyn Requests>, begun| {
            operations.change(Change::Dismiss(dismissal), actor, begun).await.map(|changed| changed.dismissed)
        };
        Ok(Started::new(self.operations.start(run).await, |unfinished| not_finished("the dismissal", unfinished)))
    }

    /// Removes bodies and deliveries that are older than the settings allow, at once, by the present clock (on Postgres
    /// the server's).
    ///
    /// The pruner also does this by itself, every hour. But it removes only rows that are also too old by a clock
    /// reading stored at least a day before. A single reading is not enough, since a clock may be years ahead for a
    /// moment.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the pruning goes on.
    pub async fn prune(&self, actor: Actor) -> Result<Pruned, Error> {
        self.start_pruning(actor).await.outcome().await
    }

    /// Starts a pruning, whose outcome need not be waited for.
    pub(crate) async fn start_pruning(&self, actor: Actor) -> Started<Pruned> {
        let retention = self.settings.retention;
        let run = async move |operations: Arc<dyn Requests>, begun| operations.prune(retention, actor, begun).await;
        Started::new(self.operations.start(run).await, |unfinished| not_finished("the pruning", unfinished))
    }

    /// Reads the secrets of every endpoint again, in this process. A rotation needs it only to be sure of the moment.
    /// The plugin reads the file of a secret by itself, once the file has changed and then stood still for 2 s. Secrets
    /// that are configured by `env` or `value` change by a restart alone.
    ///
    /// Requests that have begun are judged by the former secrets.
    ///
    /// # Errors
    ///
    /// [`is_config`](Error::is_config) where the launch would be stopped by a secret as it is now. Then the former
    /// secrets stay in force.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the secrets are read.
    pub async fn reload_secrets(&self) -> Result<(), Error> {
        let endpoints = self.ingress.endpoints().clone();
        let reloaded = tokio::task::spawn_blocking(move || endpoints.reload());
        reloaded.await.unwrap_or_else(|_| Err(Error::unavailable("the secrets")))?;
        self.notices.say(Notice::SecretsReloaded);
        Ok(())
    }
}

fn not_finished(action: &'static str, unfinished: Unfinished) -> Error {
    match unfinished {
        Unfinished::Stopped => Error::stopped(action),
        Unfinished::Unavailable(_) => Error::unavailable(action),
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Inbox {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Self::Error> {
        let inbox = request.rocket().state::<Self>().expect("the sentinel stops a launch without the fairing");
        request::Outcome::Success(inbox.clone())
    }
}

impl Sentinel for Inbox {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        let is_missing = rocket.state::<Self>().is_none();
        if is_missing {
            tracing::error!("a route takes an `Inbox`, but no `MojitoFairing` is attached: attach one");
        }
        is_missing
    }
}
