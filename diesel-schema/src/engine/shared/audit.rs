use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, SelectableHelper};

use super::{Connection, RunQueryDsl};
use crate::{Action, AuditRow, NewAudit, Timestamp, audit};

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

/// The newest actions before one, at most `limit`. Words of a later version of the program, which runs beside this one,
/// are left out.
pub(crate) async fn audit(connection: &mut Connection, before: i64, limit: i64) -> QueryResult<Vec<AuditRow>> {
    let rows = audit::table.filter(audit::id.lt(before)).filter(audit::action.eq_any(Action::ALL));
    rows.order(audit::id.desc()).limit(limit).select(AuditRow::as_select()).load(connection).await
}
