use mojito_schema::{EventKind, Name, Selection};

use super::Inbox;
use crate::Error;
use crate::operation::Replay;

/// The names in an operator's request.
impl Inbox {
    /// Refuses a mistyped name, which would silently select nothing. A former handler or endpoint may still have rows.
    pub(super) async fn check_names(&self, selection: &Selection) -> Result<(), Error> {
        if let Some(name) = selection.handler_name() {
            let unknown = self.pauses.check_handler(name);
            self.check_name(Name::Handler(name.to_owned()), unknown).await?;
        }
        if let Some(name) = selection.endpoint_name() {
            let unknown = self.pauses.check_endpoint(name);
            self.check_name(Name::Endpoint(name.to_owned()), unknown).await?;
        }
        Ok(())
    }

    pub(super) async fn check_name(&self, name: Name, unknown: Result<(), Error>) -> Result<(), Error> {
        let Err(error) = unknown else { return Ok(()) };
        let is_known = self.operations.run(async move |operations| operations.is_known(name).await).await;
        let is_known = is_known.map_err(|_| Error::unavailable("the names"))?;
        if is_known { Ok(()) } else { Err(error) }
    }

    /// Refuses an event that is named for deliveries of a known event.
    pub(super) async fn check_events(&self, replay: &Replay) -> Result<(), Error> {
        let Some(kind) = replay.as_event else { return Ok(()) };
        if kind == EventKind::Unknown {
            return Err(Error::refused("`unknown` is no kind of event: name one that a handler knows"));
        }
        let selection = replay.selection.clone();
        let found = self.operations.run(async move |operations| operations.first_with_event(selection).await).await;
        match found.map_err(|_| Error::unavailable("the replay"))? {
            Some(delivery) => Err(Error::refused(format!(
                "the event of the delivery {delivery} is known: replay it without another one, or select those of the \
                 event `unknown` alone"
            ))),
            None => Ok(()),
        }
    }
}
