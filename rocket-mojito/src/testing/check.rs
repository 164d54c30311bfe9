use std::time::Duration;

use mojito_schema::Backend;

use super::snapshot::{Snapshot, Volatile};
use super::{CheckError, Disturbance, TestDatabase, Violation};
use crate::dispatch::MojitoHandler;
use crate::{Event, EventKind};

/// The pause between two undisturbed lives: times by the second differ then.
const CLOCK_STEP: Duration = Duration::from_millis(1_100);

/// The most statements of one transaction after which a process dies.
const MAX_STATEMENTS: u32 = 100;

/// Disturbs a handler in every way that it has to bear, and names each table in which its effect is not exactly once.
///
/// The handler handles the life of one candidate: collected, a result, a decision, a withdrawal. Each disturbance has
/// a new database: `fresh` makes it, with the host's tables in it. Afterwards the host's tables are compared with those
/// of an undisturbed life. Columns that differ between two undisturbed lives are left out, such as times. Only tables
/// of that database are compared: a call to another service is at least once, and is not seen.
///
/// | disturbance | a handler bears it if |
/// | --- | --- |
/// | [`CrashAfterStatement`](Disturbance::CrashAfterStatement) | it writes through [`Context::transaction`](crate::Context::transaction) alone |
/// | [`CrashAfterCommit`](Disturbance::CrashAfterCommit) | the same |
/// | [`Twice`](Disturbance::Twice) | it writes each effect under a key, such as the delivery or the version |
/// | [`OutOfOrder`](Disturbance::OutOfOrder) | it shows the present by events that are not superseded, or compares the version |
/// | [`Overtaken`](Disturbance::Overtaken) | the same. Rows about overtaken deliveries may differ or be absent, but there may not be more |
///
/// A handler that stores the attempt's number has another effect after a crash, and is named.
///
/// The death after a statement stops the handler at its next `await`.
///
/// ```
/// # use rocket_mojito::testing::{TestDatabase, check};
/// # use rocket_mojito::{MojitoHandler, Sqlite};
/// # struct HiringDesk;
/// # #[rocket::async_trait]
/// # impl MojitoHandler<Sqlite> for HiringDesk {}
/// # #[rocket::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// check(&HiringDesk, async || {
///     let database = TestDatabase::<Sqlite>::in_memory().await?;
///     // database.connection().await?.batch_execute("CREATE TABLE …").await?;
///     Ok(database)
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When an effect is not exactly once, the undisturbed handler fails, `fresh` fails, or the database does not answer.
pub async fn check<B, H, F>(handler: &H, fresh: F) -> Result<(), CheckError>
where
    B: Backend,
    H: MojitoHandler<B>,
    F: AsyncFn() -> Result<TestDatabase<B>, Box<dyn std::error::Error + Send + Sync>>,
{
    let trial = Trial { handler, fresh };
    let undisturbed = trial.live(None, Ids::InOrder).await?.0;
    // Some columns tell no less than seconds: the second life is lived in another one.
    tokio::time::sleep(CLOCK_STEP).await;
    let other = trial.live(None, Ids::WithGaps).await?.0;
    let mut comparison = Comparison { volatile: undisturbed.volatile(&other), undisturbed, violations: Vec::new() };
    for number in 1..=MAX_STATEMENTS {
        let disturbance = Disturbance::CrashAfterStatement(number);
        let (found, has_crashed) = trial.live(Some(disturbance), Ids::InOrder).await?;
        if !has_crashed {
            break;
        }
        comparison.compare(&found, disturbance);
    }
    for disturbance in
        [Disturbance::CrashAfterCommit, Disturbance::Twice, Disturbance::OutOfOrder, Disturbance::Overtaken]
    {
        let (found, _) = trial.live(Some(disturbance), Ids::InOrder).await?;
        comparison.compare(&found, disturbance);
    }
    match comparison.violations {
        violations if violations.is_empty() => Ok(()),
        violations => Err(CheckError::violations_in(violations)),
    }
}

/// The values that the host's sequences give out. A rolled back transaction leaves a gap, which is no effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    InOrder,
    WithGaps,
}

/// A handler, and the way to a database for each of its lives.
struct Trial<'h, H, F> {
    handler: &'h H,
    fresh: F,
}

impl<H, F> Trial<'_, H, F> {
    /// Handles the life of one candidate. Returns the host's tables, and whether the process died after a statement.
    async fn live<B>(&self, disturbance: Option<Disturbance>, ids: Ids) -> Result<(Snapshot, bool), CheckError>
    where
        B: Backend,
        H: MojitoHandler<B>,
        F: AsyncFn() -> Result<TestDatabase<B>, Box<dyn std::error::Error + Send + Sync>>,
    {
        let fresh = (self.fresh)().await;
        let mut database = fresh.map_err(|error| CheckError::not_performed(format!("the fresh database: {error}")))?;
        database.attach(self.handler).await?;
        if ids == Ids::WithGaps {
            database.skip_ids().await?;
        }
        let (mut deliveries, mut has_crashed) = (Vec::new(), false);
        for event in life() {
            let delivery = database.record(self.handler, &event).await?.delivery_id;
            deliveries.push(delivery);
            if disturbance != Some(Disturbance::Overtaken) {
                has_crashed |= self.handle_disturbed(&database, delivery, disturbance).await?;
            }
        }
        let again: Vec<i64> = match disturbance {
            Some(Disturbance::Overtaken) => deliveries,
            Some(Disturbance::OutOfOrder) => deliveries.into_iter().rev().skip(1).rev().collect(),
            _ => Vec::new(),
        };
        for delivery in again {
            self.handle(&database, delivery).await?;
        }
        Ok((Snapshot::new(database.host_tables().await?), has_crashed))
    }

    /// Handles one delivery until it is done. Returns whether the process died after a statement.
    async fn handle_disturbed<B>(
        &self,
        database: &TestDatabase<B>,
        delivery: i64,
        disturbance: Option<Disturbance>,
    ) -> Result<bool, CheckError>
    where
        B: Backend,
        H: MojitoHandler<B>,
    {
        let has_crashed = match disturbance {
            Some(Disturbance::CrashAfterStatement(number)) => {
                let (performed, is_cut_off) = database.attempt_cut_off(self.handler, delivery, number).await?;
                if performed.is_completed() {
                    return Ok(false);
                }
                is_cut_off
            }
            Some(Disturbance::CrashAfterCommit) => {
                database.die_after_commit();
                let performed = database.attempt(self.handler, delivery).await?;
                if performed.is_completed() {
                    return Ok(false);
                }
                false
            }
            Some(Disturbance::Twice) => {
                self.handle(database, delivery).await?;
                false
            }
            _ => false,
        };
        self.handle(database, delivery).await?;
        Ok(has_crashed)
    }

    /// Handles one delivery, which has to succeed.
    async fn handle<B>(&self, database: &TestDatabase<B>, delivery: i64) -> Result<(), CheckError>
    where
        B: Backend,
        H: MojitoHandler<B>,
    {
        let performed = database.attempt(self.handler, delivery).await?;
        if performed.is_completed() {
            return Ok(());
        }
        let (outcome, error) = (performed.outcome(), performed.error().unwrap_or("no error"));
        Err(CheckError::not_performed(format!("an attempt that was not disturbed ended as `{outcome}`: {error}")))
    }
}

/// An undisturbed life, and the first violation in each table.
struct Comparison {
    undisturbed: Snapshot,
    volatile: Volatile,
    violations: Vec<Violation>,
}

impl Comparison {
    fn compare(&mut self, found: &Snapshot, disturbance: Disturbance) {
        // A handler may pass over an overtaken delivery, and then the rows of the next one differ too.
        let is_exact = disturbance != Disturbance::Overtaken;
        for table in found.differences(&self.undisturbed, &self.volatile, is_exact) {
            if self.violations.iter().any(|violation| violation.table == table) {
                continue;
            }
            let (expected_rows, found_rows) = (self.undisturbed.count(&table), found.count(&table));
            self.violations.push(Violation { table, disturbance, expected_rows, found_rows });
        }
    }
}

/// The deliveries about one candidate.
fn life() -> [Event; 4] {
    let scored = Event::example(EventKind::InterviewResult).score(3.5);
    [
        Event::example(EventKind::InterviewCollected),
        scored.clone(),
        scored.recruiter_go_next_round(true).pdf_export_url("https://example.com/report.pdf"),
        Event::example(EventKind::InterviewFailed),
    ]
    .map(|example| example.build())
}
