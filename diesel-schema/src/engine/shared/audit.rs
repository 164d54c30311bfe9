use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};
use diesel::sql_types::Bool;

use super::{Connection, RunQueryDsl};
use crate::{Action, ActionState, AuditRow, Execution, NewAudit, Step, Stopped, TakenOver, Ticket, Timestamp, audit};

/// The action of an execution, while it is that execution's.
macro_rules! held {
    ($execution:expr) => {
        audit::table
            .filter(audit::id.eq($execution.audit_id))
            .filter(audit::epoch.eq($execution.epoch))
            .filter(audit::state.eq(ActionState::Running))
    };
}

/// Enters an action that is done in one transaction.
pub(crate) async fn begin_audit(connection: &mut Connection, new: &NewAudit, now: Timestamp) -> QueryResult<i64> {
    diesel::insert_into(audit::table)
        .values((
            audit::at.eq(now),
            audit::actor.eq(&new.actor),
            audit::action.eq(new.action),
            audit::target.eq(&new.target),
            audit::reason.eq(new.reason.as_deref()),
            audit::affected.eq(0),
        ))
        .returning(audit::id)
        .get_result(connection)
        .await
}

pub(crate) async fn finish_audit(connection: &mut Connection, audit_id: i64, affected: u64) -> QueryResult<()> {
    let affected = i64::try_from(affected).unwrap_or(i64::MAX);
    diesel::update(audit::table.find(audit_id)).set(audit::affected.eq(affected)).execute(connection).await?;
    Ok(())
}

/// Enters an action that this process executes step by step.
pub(crate) async fn begin_action(
    connection: &mut Connection,
    new: &NewAudit,
    meant: u64,
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Execution> {
    let execution = Execution { audit_id: begin_audit(connection, new, now).await?, epoch: Ticket::new_epoch() };
    let running = (
        audit::state.eq(ActionState::Running),
        audit::meant.eq(i64::try_from(meant).unwrap_or(i64::MAX)),
        audit::epoch.eq(execution.epoch),
        audit::lease_until.eq(now.after(lease)),
    );
    diesel::update(audit::table.find(execution.audit_id)).set(running).execute(connection).await?;
    Ok(execution)
}

/// The fence of a step, and its progress. Nobody ends the action or takes it over before the transaction ends.
pub(crate) async fn advance(
    connection: &mut Connection,
    step: &Step,
    rows: u64,
    now: Timestamp,
) -> QueryResult<Result<(), Stopped>> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let progress = (
        audit::cursor.eq(step.cursor),
        audit::lease_until.eq(now.after(step.lease)),
        audit::affected.eq(audit::affected + rows),
    );
    if diesel::update(held!(step.execution)).set(progress).execute(connection).await? == 1 {
        return Ok(Ok(()));
    }
    if rows > 0 {
        // They were changed before the action was ended.
        add_to_audit(connection, step.execution.audit_id, rows.unsigned_abs()).await?;
    }
    Ok(Err(Stopped))
}

/// Adds an action's rows to its audit, in the transaction of the rows.
pub(super) async fn add_to_audit(connection: &mut Connection, audit_id: i64, rows: u64) -> QueryResult<()> {
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let affected = audit::affected.eq(audit::affected + rows);
    diesel::update(audit::table.find(audit_id)).set(affected).execute(connection).await.map(drop)
}

/// Ends an action, if it is still this execution's.
pub(crate) async fn end_action(
    connection: &mut Connection,
    execution: Execution,
    state: ActionState,
) -> QueryResult<bool> {
    let ended = (audit::state.eq(state), audit::lease_until.eq(None::<Timestamp>));
    Ok(diesel::update(held!(execution)).set(ended).execute(connection).await? == 1)
}

/// Cancels an action, whichever process executes it.
pub(crate) async fn cancel(connection: &mut Connection, audit_id: i64) -> QueryResult<bool> {
    let running = audit::table.filter(audit::id.eq(audit_id)).filter(audit::state.eq(ActionState::Running));
    let cancelled = (audit::state.eq(ActionState::Cancelled), audit::lease_until.eq(None::<Timestamp>));
    Ok(diesel::update(running).set(cancelled).execute(connection).await? == 1)
}

/// Whether an action has a lease that has lapsed.
pub(crate) async fn has_lapsed(connection: &mut Connection, now: Timestamp) -> QueryResult<bool> {
    Ok(lapsed(connection, now).await?.is_some())
}

/// Takes over the action whose lease lapsed first.
pub(crate) async fn take_over(
    connection: &mut Connection,
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Option<TakenOver>> {
    let Some((audit_id, action, target, cursor, epoch)) = lapsed(connection, now).await? else { return Ok(None) };
    let former = Execution { audit_id, epoch: epoch.unwrap_or_default() };
    let execution = Execution { audit_id, epoch: Ticket::new_epoch() };
    let taken = (audit::epoch.eq(execution.epoch), audit::lease_until.eq(now.after(lease)));
    let lapsed = held!(former).filter(audit::lease_until.lt(now));
    if diesel::update(lapsed).set(taken).execute(connection).await? == 0 {
        return Ok(None);
    }
    Ok(Some(TakenOver { execution, action, target, cursor: cursor.unwrap_or_default() }))
}

type Lapsed = (i64, Action, String, Option<i64>, Option<i64>);

/// The action whose lease lapsed first. Actions of a later version of the program are left to that version.
async fn lapsed(connection: &mut Connection, now: Timestamp) -> QueryResult<Option<Lapsed>> {
    // The literal is the partial index's.
    let lapsed = audit::table.filter(sql::<Bool>("state = 'running'")).filter(audit::lease_until.lt(now));
    let lapsed = lapsed.filter(audit::action.eq_any(Action::ALL)).order(audit::lease_until).limit(1);
    let columns = (audit::id, audit::action, audit::target, audit::cursor, audit::epoch);
    lapsed.select(columns).get_result(connection).await.optional()
}

/// One action.
pub(crate) async fn action(connection: &mut Connection, audit_id: i64) -> QueryResult<Option<AuditRow>> {
    let row = audit::table.filter(audit::id.eq(audit_id)).filter(audit::action.eq_any(Action::ALL));
    let row = row.filter(audit::state.eq_any(ActionState::ALL)).select(AuditRow::as_select());
    row.get_result(connection).await.optional()
}

/// The newest actions before one, at most `limit`. Words of a later version of the program, which runs beside this one,
/// are left out.
pub(crate) async fn audit(connection: &mut Connection, before: i64, limit: i64) -> QueryResult<Vec<AuditRow>> {
    let rows = audit::table.filter(audit::id.lt(before)).filter(audit::action.eq_any(Action::ALL));
    let rows = rows.filter(audit::state.eq_any(ActionState::ALL));
    rows.order(audit::id.desc()).limit(limit).select(AuditRow::as_select()).load(connection).await
}
