use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper, TextExpressionMethods,
};
use diesel::sql_types::Bool;

use super::failed::{MAX_ROWS_READ as MAX_WORK_READ, Order, end_of, failed};
use super::select::first_deliveries;
use super::{Connection, Db, RunQueryDsl};
use crate::rules::error_group::fails_with;
use crate::rules::selection::{selected, sought};
use crate::schema::work::is_in;
use crate::{
    Changes, EventKind, Findings, Listed, Listing, Selection, Standing, State, Timestamp, WorkRow, deliveries, work,
};

/// How many rows one page reads, where no index leads to the selected rows.
const MAX_ROWS_READ: i64 = 5_000;

/// The columns of a delivery in a list: its facts, and its findings and changes with its repeats, its dismissal
/// and its fingerprint.
type Columns = (Facts, (String, Findings, Changes, i64, Option<Timestamp>, Option<Timestamp>, Vec<u8>));

type Facts = (i64, String, EventKind, Option<String>, Option<i64>, Standing, Timestamp, bool);

/// The newest deliveries of a selection before one, at most `limit`, with the selected work on them.
pub(crate) async fn list(
    connection: &mut Connection,
    selection: &Selection,
    before: i64,
    limit: i64,
) -> QueryResult<Listing> {
    let before = before.min(selection.last_id.saturating_add(1));
    let range = Range { first_id: selection.first_id, before };
    let (ids, end) = candidates(connection, selection, range, limit).await?;
    // One lower bound: of two, SQLite would begin to read at the first, and compare each row with the second.
    let first_id = end.filter(|_| ids.is_none()).unwrap_or(range.first_id);
    let query = selected!(selection, Db).filter(deliveries::id.between(first_id, range.last_id()));
    let (query, end) = match ids {
        Some(ids) => {
            let is_cut = i64::try_from(ids.len()) == Ok(limit);
            let end = if is_cut { ids.last().copied() } else { end };
            (query.filter(deliveries::id.eq_any(ids)), end)
        }
        None => (query, end),
    };
    let facts = (
        deliveries::id,
        deliveries::endpoint,
        deliveries::event,
        deliveries::result_id,
        deliveries::version,
        deliveries::standing,
        deliveries::received_at,
        sql::<Bool>("(body IS NOT NULL)"),
    );
    let others = (
        deliveries::secret_id,
        deliveries::findings,
        deliveries::changes,
        deliveries::repeat_count,
        deliveries::last_repeat_at,
        deliveries::dismissed_at,
        deliveries::fingerprint,
    );
    // This version cannot show words of a later version of the program, which runs beside it.
    let query = query.filter(deliveries::event.eq_any(EventKind::ALL));
    let query = query.filter(deliveries::standing.eq_any(Standing::ALL));
    let query = query.order(deliveries::id.desc()).limit(limit).select((facts, others));
    let rows: Vec<Columns> = query.load(connection).await?;
    let is_full = i64::try_from(rows.len()) == Ok(limit);
    let next_before = if is_full { rows.last().map(id_of) } else { end };
    let mut work = work_on(connection, selection, rows.iter().map(id_of).collect()).await?;
    let deliveries = rows.into_iter().map(|columns| {
        let work = work.remove(&id_of(&columns)).unwrap_or_default();
        listed(columns, work)
    });
    // The ids of one result are read without a look at their work.
    let names_work = selection.names_work();
    let deliveries = deliveries.filter(|listed| !names_work || !listed.work.is_empty());
    Ok(Listing { deliveries: deliveries.collect(), next_before: next_before.filter(|id| *id > selection.first_id) })
}

fn listed((facts, others): Columns, work: Vec<WorkRow>) -> Listed {
    let (delivery_id, endpoint, event, result_id, version, standing, received_at, has_body) = facts;
    let (secret_id, findings, changes, repeat_count, last_repeat_at, dismissed_at, fingerprint) = others;
    Listed {
        delivery_id,
        endpoint,
        event,
        result_id,
        version,
        standing,
        fingerprint,
        received_at,
        secret_id,
        changes: changes.0,
        repeat_count,
        last_repeat_at,
        has_body,
        findings: findings.0,
        dismissed_at: dismissed_at.filter(|_| standing == Standing::Quarantined),
        work,
    }
}

fn id_of((facts, _): &Columns) -> i64 {
    facts.0
}

/// The ids from the first delivery up to the delivery before which the page begins.
#[derive(Clone, Copy)]
struct Range {
    first_id: i64,
    before: i64,
}

impl Range {
    fn last_id(self) -> i64 {
        self.before.saturating_sub(1)
    }
}

/// The newest deliveries of a selection that an index leads to, if one does. Also the delivery at which the search ends,
/// if more are behind it.
async fn candidates(
    connection: &mut Connection,
    selection: &Selection,
    range: Range,
    limit: i64,
) -> QueryResult<(Option<Vec<i64>>, Option<i64>)> {
    Ok(match (selection.state, selection.standing) {
        _ if selection.first_id == selection.last_id => (None, None),
        _ if selection.result_id.is_some() => {
            let result_id = selection.result_id.as_deref().map(sought).unwrap_or_default();
            (Some(ids_of_result(connection, result_id, range, limit).await?), None)
        }
        _ if selection.error_group.is_some() => {
            let in_range = range.first_id..=range.last_id();
            let (failed, end) = failed(connection, selection, in_range, Order::NewestFirst).await?;
            let mut ids: Vec<i64> = failed.into_iter().map(|failed| failed.delivery_id).collect();
            ids.dedup();
            ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            (Some(ids), end)
        }
        (Some(State::Discarded), _) => match &selection.handler {
            None => (Some(ids_of_work(connection, selection, range, limit).await?), None),
            Some(handler) => {
                let (ids, end) = ids_of_dead(connection, handler, range, limit).await?;
                (Some(ids), end)
            }
        },
        (None, Some(Standing::Quarantined)) if selection.handler.is_none() => {
            (Some(ids_in_quarantine(connection, range, limit).await?), None)
        }
        (state, _) => {
            let end = end_of_window(connection, range).await?;
            let window = Range { first_id: end.unwrap_or(range.first_id), ..range };
            if state.is_some() || selection.handler.is_some() {
                (Some(ids_of_work(connection, selection, window, limit).await?), end)
            } else {
                (None, end)
            }
        }
    })
}

/// The id at which the window ends, if more deliveries are behind it.
async fn end_of_window(connection: &mut Connection, range: Range) -> QueryResult<Option<i64>> {
    let end = deliveries::table.filter(deliveries::id.between(range.first_id, range.last_id()));
    let end = end.order(deliveries::id.desc()).select(deliveries::id).limit(1).offset(MAX_ROWS_READ - 1);
    end.get_result(connection).await.optional()
}

/// The newest deliveries with selected work.
async fn ids_of_work(
    connection: &mut Connection,
    selection: &Selection,
    range: Range,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let mut query = work::table.filter(work::delivery_id.between(range.first_id, range.last_id())).into_boxed::<Db>();
    match selection.state {
        // The literal matches the partial index.
        Some(State::Discarded) => query = query.filter(sql::<Bool>("state = 'discarded'")),
        Some(state) => query = query.filter(is_in(state)),
        None => {}
    }
    if let Some(handler) = &selection.handler {
        query = query.filter(work::handler.eq(sought(handler)));
    }
    let query = query.order((work::delivery_id.desc(), work::handler.desc())).select(work::delivery_id).limit(limit);
    query.load(connection).await
}

/// The newest deliveries with dead work of a handler, and the last one that was looked at, where there are more.
async fn ids_of_dead(
    connection: &mut Connection,
    handler: &str,
    range: Range,
    limit: i64,
) -> QueryResult<(Vec<i64>, Option<i64>)> {
    let dead = work::table.filter(sql::<Bool>("state = 'discarded'"));
    let dead = dead.filter(work::delivery_id.between(range.first_id, range.last_id()));
    let dead = dead.order((work::delivery_id.desc(), work::handler.desc())).select((work::delivery_id, work::handler));
    let max = i64::try_from(MAX_WORK_READ).unwrap_or(i64::MAX);
    let mut rows: Vec<(i64, String)> = dead.limit(max).load(connection).await?;
    let end = end_of(&mut rows, MAX_WORK_READ, |(id, _)| *id);
    let ids = rows.into_iter().filter(|(_, of)| of == handler).map(|(id, _)| id);
    Ok((ids.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect(), end))
}

/// The newest deliveries about a result, on each endpoint: those filed under its first delivery, and those in
/// quarantine.
async fn ids_of_result(
    connection: &mut Connection,
    result_id: &str,
    range: Range,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let firsts = first_deliveries(connection, result_id).await?;
    let in_range = deliveries::id.between(range.first_id, range.last_id());
    let filed = deliveries::table.filter(deliveries::first_delivery_id.eq_any(firsts)).filter(in_range);
    let filed = filed.order(deliveries::id.desc()).select(deliveries::id).limit(limit);
    let mut ids: Vec<i64> = filed.load(connection).await?;
    let unread = deliveries::table.filter(deliveries::first_delivery_id.is_null());
    let unread = unread.filter(deliveries::result_id.eq(result_id)).filter(in_range);
    let unread = unread.order(deliveries::id.desc()).select(deliveries::id).limit(limit);
    ids.extend(unread.load::<i64>(connection).await?);
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(ids)
}

async fn ids_in_quarantine(connection: &mut Connection, range: Range, limit: i64) -> QueryResult<Vec<i64>> {
    let query = deliveries::table.filter(sql::<Bool>("standing = 'quarantined'"));
    let query = query.filter(deliveries::id.between(range.first_id, range.last_id()));
    query.order(deliveries::id.desc()).select(deliveries::id).limit(limit).load(connection).await
}

/// The selected work on these deliveries.
async fn work_on(
    connection: &mut Connection,
    selection: &Selection,
    ids: Vec<i64>,
) -> QueryResult<HashMap<i64, Vec<WorkRow>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = work::table.filter(work::delivery_id.eq_any(ids)).into_boxed::<Db>();
    query = match selection.state {
        Some(state) => query.filter(is_in(state)),
        None => query.filter(work::state.eq_any(State::ALL)),
    };
    if let Some(handler) = &selection.handler {
        query = query.filter(work::handler.eq(sought(handler)));
    }
    let query = query.order((work::delivery_id, work::handler)).select(WorkRow::as_select());
    let mut rows: HashMap<i64, Vec<WorkRow>> = HashMap::new();
    let is_selected = |row: &WorkRow| selection.error_group.as_ref().is_none_or(|group| fails_with(row, group));
    for row in query.load::<WorkRow>(connection).await?.into_iter().filter(is_selected) {
        rows.entry(row.delivery_id).or_default().push(row);
    }
    Ok(rows)
}
