use std::sync::Arc;

use super::started::Started;
use super::{Inbox, not_finished};
use crate::Error;
use crate::operation::Actor;
use crate::rehearsal::{Rehearsal, Rehearsed};
use crate::store::Requests;

impl Inbox {
    /// Runs a handler on selected deliveries without effect. It says for each what the handler would have answered, and
    /// how many rows of which of the host's tables it would have changed.
    ///
    /// Each delivery has a transaction of its own, which is rolled back. Before that, the checks of a commit are made:
    /// deferred constraints, and on Postgres whether the handler passed by an error. No work, attempt, lease or mark is
    /// written, so an attempt afterwards is the same as without the rehearsal. Only the audit tells of it. A delivery is
    /// passed by while work of the same result and handler runs. Rehearsals in one process take turns. A handler that
    /// is paused can be rehearsed.
    ///
    /// ```
    /// # use rocket_mojito::{Actor, Answer, Error, Inbox, Rehearsal, Selection, State};
    /// /// Whether a mended handler would do its dead work now.
    /// async fn is_mended(inbox: &Inbox) -> Result<bool, Error> {
    ///     let dead = Rehearsal::new(Selection::all().state(State::Discarded), "HiringDesk").limit(20);
    ///     let rehearsed = inbox.rehearse(dead, Actor::new("anna@ops")).await?;
    ///     Ok(rehearsed.deliveries.iter().all(|one| one.answer == Answer::Ok))
    /// }
    /// ```
    ///
    /// # Effects that stay
    ///
    /// | a handler | in a rehearsal |
    /// | --- | --- |
    /// | writes by [`Context::transaction`](crate::Context::transaction) | rolled back |
    /// | calls another service, writes a file, opens another connection | done in earnest: ask [`Context::is_rehearsal`](crate::Context::is_rehearsal) |
    /// | ends the transaction by `COMMIT` on Postgres | its writes stay, and the answer is [`Answer::Retry`](crate::Answer::Retry) |
    /// | takes a number of a sequence on Postgres | the number is gone |
    /// | writes for long | holds up other writers on SQLite, and its locks on Postgres, like an attempt |
    ///
    /// # Changes that are not counted
    ///
    /// | on SQLite | on Postgres |
    /// | --- | --- |
    /// | virtual tables, and tables that the handler makes or attaches itself | `TRUNCATE` |
    /// | the rows that `REPLACE` removes | |
    /// | | rows that a savepoint undid count all the same; those of a partition count for the partition |
    ///
    /// The counts on Postgres come from its statistics (`track_counts`). Where these are off, the transaction is
    /// refused. Another transaction that would conflict at the commit is not seen.
    ///
    /// # Errors
    ///
    /// [`is_refused`](Error::is_refused) if this process has no handler of that name. Otherwise as
    /// [`replay`](Self::replay).
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels nothing: the rehearsal goes on.
    pub async fn rehearse(&self, rehearsal: Rehearsal, actor: Actor) -> Result<Rehearsed, Error> {
        let name = rehearsal.handler.clone();
        let rehearsed = self.start_rehearsal(rehearsal, actor).await?.outcome().await?;
        rehearsed.ok_or_else(|| not_here(&name, &[]))
    }

    /// Starts a rehearsal, whose outcome need not be waited for. It is `None` where this process has no such handler.
    pub(crate) async fn start_rehearsal(
        &self,
        rehearsal: Rehearsal,
        actor: Actor,
    ) -> Result<Started<Option<Rehearsed>>, Error> {
        self.check_rehearsable(&rehearsal.handler).await?;
        self.check_names(&rehearsal.selection).await?;
        let run = async move |operations: Arc<dyn Requests>, begun| operations.rehearse(rehearsal, actor, begun).await;
        Ok(Started::new(self.operations.start(run).await, |unfinished| not_finished("the rehearsal", unfinished)))
    }

    /// Refuses a handler that this process does not have.
    pub(crate) async fn check_rehearsable(&self, name: &str) -> Result<(), Error> {
        let names = self.operations.run(async move |operations| operations.rehearsable().await).await;
        let names = names.map_err(|_| Error::unavailable("the handlers"))?;
        if names.iter().any(|known| known == name) { Ok(()) } else { Err(not_here(name, &names)) }
    }
}

fn not_here(name: &str, names: &[String]) -> Error {
    let known = if names.is_empty() { String::new() } else { format!(", which has `{}`", names.join("`, `")) };
    Error::refused(format!(
        "the handler `{name}` is not attached in this process{known}: rehearse it in a host that attaches it"
    ))
}
