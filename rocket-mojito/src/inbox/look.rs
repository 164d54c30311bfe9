use mojito_schema::{AuditRow, Dismissed, ErrorGroups, Listed, Overview, Selection};

use super::Inbox;
use crate::Error;
use crate::operation::{Actor, Planned, Pruned};

/// The maximum number of rows in an answer.
const MAX_ROWS: usize = 1_000;

/// The looks of an operator, before an action and after it.
impl Inbox {
    /// One delivery, with all of its work. `None` where there is none, or no more.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn show(&self, delivery: i64) -> Result<Option<Listed>, Error> {
        Ok(self.list(&Selection::delivery(delivery), None, 1).await?.deliveries.pop())
    }

    /// The deliveries about one result in stored order, each with its work: the newest thousand. The vendor's id names
    /// the result, on one endpoint or on all.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn history(&self, endpoint: Option<&str>, result_id: &str) -> Result<Vec<Listed>, Error> {
        let mut selection = Selection::all().result_id(result_id);
        if let Some(endpoint) = endpoint {
            selection = selection.endpoint(endpoint);
        }
        let (mut deliveries, mut before) = (Vec::new(), None);
        while deliveries.len() < MAX_ROWS {
            let page = self.list(&selection, before, MAX_ROWS - deliveries.len()).await?;
            deliveries.extend(page.deliveries);
            before = page.next_before;
            if before.is_none() {
                break;
            }
        }
        deliveries.reverse();
        Ok(deliveries)
    }

    /// The errors of the selected work that fails or is dead, in groups, the largest group first. A page has the newest
    /// ten thousand pieces of work, or those before a given delivery, and says how far back it has searched.
    ///
    /// A group is a handler and the first line of its errors, with `#` in place of numbers, ids, quoted parts, addresses,
    /// links and names. A name in small letters without quotation marks stays: keep names out of errors, or quote them.
    /// [`Selection::error`] selects the work of a group. Each piece of work counts once,
    /// by its last error, and no more once it has succeeded.
    ///
    /// ```
    /// # use rocket_mojito::{ErrorGroups, Error, Inbox, Selection, State};
    /// /// All that is dead, by what it died of.
    /// async fn causes_of_death(inbox: &Inbox) -> Result<ErrorGroups, Error> {
    ///     let dead = Selection::all().state(State::Discarded);
    ///     let mut causes = inbox.error_groups(&dead, None).await?;
    ///     while let Some(before) = causes.next_before {
    ///         causes.extend(inbox.error_groups(&dead, Some(before)).await?);
    ///     }
    ///     Ok(causes)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn error_groups(&self, selection: &Selection, before: Option<i64>) -> Result<ErrorGroups, Error> {
        self.check_names(selection).await?;
        let (selection, before) = (selection.clone(), before.unwrap_or(i64::MAX));
        let groups = self.operations.run(async move |operations| operations.errors(selection, before).await).await;
        groups.map_err(|_| Error::unavailable("the errors"))
    }

    /// The body of a delivery, as it arrived. The reveal is in the audit before the body is read. `None` where there is
    /// no such delivery, or its body is pruned or erased.
    ///
    /// # Errors
    ///
    /// When the database does not answer. The reveal may stand in the audit all the same.
    pub async fn reveal(&self, delivery: i64, actor: Actor) -> Result<Option<Vec<u8>>, Error> {
        let body = self.operations.run(async move |operations| operations.reveal(delivery, actor).await).await;
        body.map_err(|_| Error::unavailable("the body"))
    }

    /// The actions of operators, newest first, before a given action or from the newest on. `limit` is cut to a
    /// thousand.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRow>, Error> {
        let limit = i64::try_from(limit.clamp(1, MAX_ROWS)).expect("a thousand at most");
        let before = before.unwrap_or(i64::MAX);
        let rows = self.operations.run(async move |operations| operations.audit(before, limit).await).await;
        rows.map_err(|_| Error::unavailable("the audit"))
    }

    /// One action of an operator: how far it has come, whichever process executes it. `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn action(&self, id: i64) -> Result<Option<AuditRow>, Error> {
        let row = self.operations.run(async move |operations| operations.action(id).await).await;
        row.map_err(|_| Error::unavailable("the action"))
    }

    /// Cancels a running action, whichever process executes it: it ends before its next step, and its steps so far
    /// stay. `false` where it does not run, or there is none.
    ///
    /// ```
    /// # use rocket_mojito::{ActionState, Error, Inbox};
    /// /// Stops everything that operators have started.
    /// async fn stop_all(inbox: &Inbox) -> Result<(), Error> {
    ///     for row in inbox.audit(None, 100).await? {
    ///         if row.state == ActionState::Running {
    ///             inbox.cancel(row.id).await?;
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn cancel(&self, id: i64) -> Result<bool, Error> {
        let cancelled = self.operations.run(async move |operations| operations.cancel(id).await).await;
        cancelled.map_err(|_| Error::unavailable("the cancellation"))
    }

    /// Since when the oldest due work has been due, and when the newest delivery came.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let overview = self.operations.run(async move |operations| operations.overview().await).await;
        overview.map_err(|_| Error::unavailable("the overview"))
    }

    /// The counts of a selection: the dry run of a replay or a discard.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn plan(&self, selection: &Selection) -> Result<Planned, Error> {
        self.check_names(selection).await?;
        let selection = selection.clone();
        let planned = self.operations.run(async move |operations| operations.plan(selection).await).await;
        planned.map_err(|_| Error::unavailable("the count"))
    }

    /// The dry run of [`dismiss`](Self::dismiss).
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn count_undismissed(&self, selection: &Selection) -> Result<Dismissed, Error> {
        self.check_names(selection).await?;
        let selection = selection.clone();
        let counted = self.operations.run(async move |operations| operations.count_undismissed(selection).await).await;
        counted.map_err(|_| Error::unavailable("the count"))
    }

    /// The dry run of [`prune`](Self::prune). It does not count work: bodies that only the work of a missing handler
    /// keeps are pruned as well.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn count_prunable(&self) -> Result<Pruned, Error> {
        let retention = self.settings.retention;
        let pruned = self.operations.run(async move |operations| operations.count_prunable(retention).await).await;
        pruned.map_err(|_| Error::unavailable("the count"))
    }
}
