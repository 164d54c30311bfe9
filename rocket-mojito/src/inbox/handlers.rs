use mojito_schema::KnownHandler;

use super::Inbox;
use crate::Error;
use crate::operation::Actor;

/// The handlers that the database knows.
impl Inbox {
    /// Every handler that any process has ever attached to this database. Each with its waiting work, the last time at
    /// which a process reported it attached, and whether it is retired.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn handlers(&self) -> Result<Vec<KnownHandler>, Error> {
        self.operations
            .run(async move |operations| operations.handlers().await)
            .await
            .map_err(|_| Error::unavailable("the handlers"))
    }

    /// Retires a handler that is gone for good, or was renamed. Deliveries make no work for it any more, and its
    /// waiting work is discarded. Returns the count of that. Running work ends as it does.
    ///
    /// A launch that attaches the handler again ends the retirement, and makes work for it of every delivery recorded
    /// since. Discarded work comes back only by a [`replay`](Self::replay).
    ///
    /// # Errors
    ///
    /// [`is_refused`](Error::is_refused) if a process had the handler attached within the last three minutes, since
    /// that process would get no sign of it. Otherwise as [`replay`](Self::replay).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the retirement goes on.
    pub async fn retire_handler(&self, name: &str, actor: Actor) -> Result<u64, Error> {
        let known = self.known(name).await?;
        let refused = || {
            Error::refused(format!(
                "the handler `{name}` is attached, or was within three minutes: stop the processes that have it first"
            ))
        };
        if known.is_attached {
            return Err(refused());
        }
        let name = name.to_owned();
        let retired = self.operations.run(async move |operations| operations.retire(name, actor).await).await;
        retired.map_err(|_| Error::unavailable("the retirement"))?.ok_or_else(refused)
    }

    /// A handler that has been attached.
    pub(super) async fn known(&self, name: &str) -> Result<KnownHandler, Error> {
        let mut handlers = self.handlers().await?;
        let Some(place) = handlers.iter().position(|handler| handler.name == name) else {
            let known: Vec<&str> = handlers.iter().map(|handler| handler.name.as_str()).collect();
            return Err(Error::config(format!("there is no handler `{name}`: there is `{}`", known.join("`, `"))));
        };
        Ok(handlers.swap_remove(place))
    }

    /// Refuses a retired handler, since work made for it would never be done.
    pub(super) async fn check_target(&self, name: &str) -> Result<(), Error> {
        match self.known(name).await?.retired_at {
            Some(_) => Err(Error::refused(format!("the handler `{name}` is retired: attach it again first"))),
            None => Ok(()),
        }
    }
}
