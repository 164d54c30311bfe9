use std::sync::Arc;

use mojito_schema::Backlog;
use rocket::request::{self, FromRequest, Request};
use rocket::{Ignite, Rocket, Sentinel};

use crate::Error;
use crate::ingress::{MojitoEvent, Receipt, Rejection};
use crate::store::Store;

/// The way into the store: records deliveries, and tells and does what operators ask for.
///
/// The fairing manages it: take `&State<Inbox>`, or the guard `Inbox`, which is a cheap handle of its own.
#[derive(Clone)]
pub struct Inbox(Arc<dyn Store>);

impl Inbox {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Records a delivery. The receipt says that it is durable.
    ///
    /// # Errors
    ///
    /// When it was not committed in time. Nobody knows then whether it will be: a retry is counted as a repeat.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the delivery is recorded.
    pub async fn record(&self, event: MojitoEvent) -> Result<Receipt, Rejection> {
        match self.0.record(event.into_delivery()).await {
            Ok(recorded) => {
                let (delivery, standing) = (recorded.delivery_id, recorded.standing.as_str());
                tracing::debug!(delivery, standing, "a delivery was recorded");
                Ok(Receipt::new(recorded))
            }
            Err(unavailable) => {
                let rejection = Rejection::from(unavailable);
                tracing::warn!(code = rejection.code(), cause = rejection.cause(), "a delivery was refused");
                Err(rejection)
            }
        }
    }

    /// What is waiting, running, dead and quarantined. An answer also says that the store is reachable.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        self.0.backlog().await.map_err(|_| Error::unavailable("the backlog"))
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
