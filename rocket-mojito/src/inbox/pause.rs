use mojito_schema::{Name, PauseKind};

use super::Inbox;
use crate::Error;
use crate::operation::{Actor, Pause};

/// Pauses, which hold in every process within two seconds, and outlive restarts.
impl Inbox {
    /// Answers the deliveries of an endpoint 503 in every process, so that the sender keeps them. It holds in this
    /// process at once, in the others within two seconds, and after each restart. Returns whether it was not paused
    /// before; the first of two pauses stands.
    ///
    /// ```
    /// # use rocket_mojito::{Actor, Error, Inbox};
    /// /// Nothing is taken while the disk is full.
    /// async fn hold(inbox: &Inbox) -> Result<bool, Error> {
    ///     inbox.pause_endpoint("default", Actor::new("anna@ops").because("the disk is full")).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When no endpoint has this name, or the database does not answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the endpoint is paused.
    pub async fn pause_endpoint(&self, name: &str, actor: Actor) -> Result<bool, Error> {
        self.pause(PauseKind::Endpoint, name, actor).await
    }

    /// Ends the pause of an endpoint in every process: in this one at once, in the others within two seconds. Returns
    /// whether it was paused.
    ///
    /// # Errors
    ///
    /// [`is_config`](Error::is_config) where a setting pauses it too, which the sentence names: the pause by operators
    /// has ended all the same. Otherwise as [`pause_endpoint`](Self::pause_endpoint).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the pause ends.
    pub async fn resume_endpoint(&self, name: &str, actor: Actor) -> Result<bool, Error> {
        self.resume(PauseKind::Endpoint, name, actor).await
    }

    /// Claims no more work for a handler in any process. It holds in this process from now on, in the others within two
    /// seconds, and after each restart. The handler's work is recorded all the same, and running attempts go on.
    /// Returns whether it was not paused before; the first of two pauses stands.
    ///
    /// # Errors
    ///
    /// When no handler has this name, or the database does not answer.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the handler is paused.
    pub async fn pause_handler(&self, name: &str, actor: Actor) -> Result<bool, Error> {
        self.pause(PauseKind::Handler, name, actor).await
    }

    /// Hands work to a handler again, in every process. Returns whether it was paused.
    ///
    /// # Errors
    ///
    /// As [`resume_endpoint`](Self::resume_endpoint).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the pause ends.
    pub async fn resume_handler(&self, name: &str, actor: Actor) -> Result<bool, Error> {
        self.resume(PauseKind::Handler, name, actor).await
    }

    /// Everything that is paused: by operators, and by the settings that this process knows.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        let rows = self.operations.run(async move |operations| operations.paused().await).await;
        let rows = rows.map_err(|_| Error::unavailable("the pauses"))?;
        let setting = |kind, name: &str| self.pauses.setting(kind, name);
        let settings = self.pauses.by_settings();
        let alone = settings.filter(|(kind, name, _)| !rows.iter().any(|row| row.kind == *kind && row.name == *name));
        let alone: Vec<Pause> = alone.map(|(kind, name, setting)| Pause::by_setting(kind, name, setting)).collect();
        let by_operators = rows.into_iter().map(|row| (setting(row.kind, &row.name), row));
        Ok(by_operators.map(|(setting, row)| Pause::by_operator(row, setting)).chain(alone).collect())
    }

    pub(crate) async fn pause(&self, kind: PauseKind, name: &str, actor: Actor) -> Result<bool, Error> {
        self.check_pausable(kind, name).await?;
        let name = name.to_owned();
        let paused = self.operations.run(async move |operations| operations.pause(kind, name, actor).await).await;
        paused.map_err(|_| Error::unavailable("the pause"))
    }

    pub(crate) async fn resume(&self, kind: PauseKind, name: &str, actor: Actor) -> Result<bool, Error> {
        self.check_pausable(kind, name).await?;
        let setting = self.pauses.setting(kind, name);
        let owned = name.to_owned();
        let resumed = self.operations.run(async move |operations| operations.resume(kind, owned, actor).await).await;
        let resumed = resumed.map_err(|_| Error::unavailable("the resumption"))?;
        match setting {
            Some(setting) => Err(Error::config(format!(
                "the {kind} `{name}` stays paused by the setting `{setting}`: change that, and restart the host"
            ))),
            None => Ok(resumed),
        }
    }

    /// Refuses a mistyped name. A pause of operators may outlive its endpoint or handler.
    async fn check_pausable(&self, kind: PauseKind, name: &str) -> Result<(), Error> {
        let (known, stored) = match kind {
            PauseKind::Endpoint => (self.pauses.check_endpoint(name), Name::Endpoint(name.to_owned())),
            PauseKind::Handler => (self.pauses.check_handler(name), Name::Handler(name.to_owned())),
        };
        self.check_name(stored, known).await
    }
}
