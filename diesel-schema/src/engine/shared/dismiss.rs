use diesel::dsl::{case_when, sql};
use diesel::prelude::{ExpressionMethods, IntoSql, QueryDsl, QueryResult};
use diesel::sql_types::{Bool, Nullable};

use super::audit::add_to_audit;
use super::{Connection, RunQueryDsl, advance, lock_idle, skip_overtaken_in};
use crate::schema::{deliveries as of_deliveries, work as of_work};
use crate::{Dismissed, Line, Selected, Step, Stopped, Timestamp, UtcTimestamp, deliveries, work};

/// Dismisses dead work and deliveries in quarantine. Rows that another transaction has locked are left alone, as is
/// everything that was dismissed, replayed or admitted meanwhile.
pub(crate) async fn dismiss(
    connection: &mut Connection,
    selected: &[Selected],
    step: &Step,
    now: Timestamp,
) -> QueryResult<Result<Dismissed, Stopped>> {
    if let Err(stopped) = advance(connection, step, 0, now).await? {
        return Ok(Err(stopped));
    }
    let mut dismissed = Dismissed::default();
    // Work that was replayed meanwhile may wait, and was locked.
    let mut alive = Vec::new();
    for (id, handler) in lock_idle(connection, keys(selected).into_iter()).await? {
        let row = work::table.find((id, &handler)).filter(sql::<Bool>(of_work::UNDISMISSED));
        // A clock that was put back since must not undo the dismissal.
        let moment = case_when(work::finished_at.gt(now), work::finished_at)
            .otherwise(Some(now).into_sql::<Nullable<UtcTimestamp>>());
        if diesel::update(row).set(work::dismissed_at.eq(moment)).execute(connection).await? == 1 {
            dismissed.work += 1;
        } else {
            alive.extend(selected.iter().find(|one| one.delivery_id == id).and_then(|one| line(one, handler)));
        }
    }
    skip_overtaken_in(connection, alive, now).await?;
    let quarantined: Vec<i64> = selected.iter().filter(|one| one.is_quarantined).map(|one| one.delivery_id).collect();
    let rows = deliveries::table.filter(deliveries::id.eq_any(quarantined));
    let rows = rows.filter(sql::<Bool>(of_deliveries::UNDISMISSED));
    let rows = diesel::update(rows).set(deliveries::dismissed_at.eq(now)).execute(connection).await?;
    dismissed.quarantined += rows as u64;
    add_to_audit(connection, step.execution.audit_id, dismissed.work + dismissed.quarantined).await?;
    Ok(Ok(dismissed))
}

/// The keys of the selected work: delivery and handler.
fn keys(selected: &[Selected]) -> Vec<(i64, &str)> {
    selected.iter().flat_map(|one| one.handlers.iter().map(|handler| (one.delivery_id, handler.as_str()))).collect()
}

/// The line of a handler's work on a selected delivery.
fn line(selected: &Selected, handler: String) -> Option<Line> {
    selected.first_delivery_id.map(|first_delivery_id| Line { first_delivery_id, handler })
}
