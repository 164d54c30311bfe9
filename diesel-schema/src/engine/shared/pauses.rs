use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};

use super::{Connection, RunQueryDsl, begin_audit, finish_audit};
use crate::schema::pauses::pauses;
use crate::{NewAudit, PauseKind, PauseRow, Timestamp};

/// Everything that operators have paused. Kinds of a later version of the program, which runs beside this one, are left
/// out.
pub(crate) async fn paused(connection: &mut Connection) -> QueryResult<Vec<PauseRow>> {
    let rows = pauses::table.filter(pauses::kind.eq_any(PauseKind::ALL)).order((pauses::kind, pauses::name));
    rows.select(PauseRow::as_select()).load(connection).await
}

/// Pauses, and enters that into the audit. The first of two pauses stands.
pub(crate) async fn pause(
    connection: &mut Connection,
    kind: PauseKind,
    name: &str,
    audit: &NewAudit,
    now: Timestamp,
) -> QueryResult<bool> {
    let id = begin_audit(connection, audit, now).await?;
    let row = (
        pauses::kind.eq(kind),
        pauses::name.eq(name),
        pauses::since.eq(now),
        pauses::actor.eq(&audit.actor),
        pauses::reason.eq(audit.reason.as_deref()),
    );
    let rows = diesel::insert_into(pauses::table).values(row).on_conflict_do_nothing().execute(connection).await?;
    finish_audit(connection, id, rows as u64).await?;
    Ok(rows == 1)
}

/// Ends a pause, and enters that into the audit.
pub(crate) async fn resume(
    connection: &mut Connection,
    kind: PauseKind,
    name: &str,
    audit: &NewAudit,
    now: Timestamp,
) -> QueryResult<bool> {
    let id = begin_audit(connection, audit, now).await?;
    let rows = diesel::delete(pauses::table.find((kind, name))).execute(connection).await?;
    finish_audit(connection, id, rows as u64).await?;
    Ok(rows == 1)
}
