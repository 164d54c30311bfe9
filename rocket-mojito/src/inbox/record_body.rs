use super::Inbox;
use crate::EventKind;
use crate::ingress::{Receipt, Rejection};

impl Inbox {
    /// Records a body that the host vouches for: of a route whose path ends in no endpoint's name, or from an import.
    /// The receipt proves that it is durable.
    ///
    /// No secret is asked for: authenticate before you call it. The delivery has the word `vouched` as `secret_id`.
    /// Everything else is as for a posted delivery: repeats, standing, quarantine, work. [`EventKind::Unknown`] leaves
    /// it to the body to tell the event, as on the route for all events.
    ///
    /// ```
    /// # use rocket::post;
    /// use rocket_mojito::{EventKind, Inbox, Receipt, Rejection};
    ///
    /// /// A gateway that authenticates, and has one path for everything.
    /// #[post("/gateway/in", data = "<body>")]
    /// async fn from_gateway(body: Vec<u8>, inbox: Inbox) -> Result<Receipt, Rejection> {
    ///     inbox.record_body("default", EventKind::Unknown, body).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record), and as for a posted body: 401 when no endpoint has this name, 413 over `body_limit`,
    /// 400 for an empty body, 503 while the endpoint is paused.
    ///
    /// # Cancellation
    ///
    /// As [`record`](Self::record), once the body is read. Before that, nothing is left behind.
    pub async fn record_body(
        &self,
        endpoint: &str,
        kind: EventKind,
        body: impl Into<Vec<u8>>,
    ) -> Result<Receipt, Rejection> {
        match self.ingress.vouched(endpoint, kind, body.into()).await {
            Ok(event) => self.record(event).await,
            Err(rejection) => {
                let endpoint = self.ingress.has_endpoint(endpoint).then(|| endpoint.to_owned());
                self.notices.say(rejection.notice(endpoint));
                Err(rejection)
            }
        }
    }
}
