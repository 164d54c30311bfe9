use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper, TextExpressionMethods,
};
use diesel::sql_types::Bool;

use super::failed::{Order, failed};
use super::{Connection, Db, RunQueryDsl};
use crate::rules::error_group::fails_with;
use crate::rules::selection::{selected, sought};
use crate::schema::{deliveries as of_deliveries, work as of_work};
use crate::{
    EventKind, Name, Page, Selected, Selection, Standing, State, WorkRow, deliveries, handlers, results, work,
};

/// How many deliveries a step looks at, where no index leads to the selected ones.
const MAX_ROWS_READ: i64 = 10_000;

/// The deliveries that a step looks at, and whether there are more behind them.
enum Range {
    /// These deliveries, and the last one that was looked at.
    Ids { ids: Vec<i64>, end: Option<i64> },
    /// The deliveries up to this one.
    Until { last_id: i64, is_cut: bool },
}

/// A selected delivery: its id, its first delivery, its standing and its event.
type Row = (i64, Option<i64>, Standing, EventKind);

/// The next deliveries of a selection with the selected work on them, at most `limit`. The rows read are bounded,
/// whatever is selected.
pub(crate) async fn page(connection: &mut Connection, selection: &Selection, limit: i64) -> QueryResult<Page> {
    let (first_id, last_id) = (selection.first_id, selection.last_id);
    let range = range(connection, selection, limit).await?;
    let query = selected!(selection, Db).order(deliveries::id).limit(limit);
    let (query, end) = match range {
        Range::Ids { ids, end } => (query.filter(deliveries::id.eq_any(ids)), end),
        Range::Until { last_id, is_cut } => {
            (query.filter(deliveries::id.between(first_id, last_id)), Some(last_id).filter(|_| is_cut))
        }
    };
    let columns = (deliveries::id, deliveries::first_delivery_id, deliveries::standing, deliveries::event);
    let rows: Vec<Row> = query.select(columns).load(connection).await?;
    let is_full = i64::try_from(rows.len()) == Ok(limit);
    let next_after = if is_full { rows.last().map(|(id, ..)| *id) } else { end };
    let ids = rows.iter().map(|(id, ..)| *id).collect();
    let mut handlers = handlers_of(connection, selection, ids, None).await?;
    let selected = rows.into_iter().map(|row| selected_of(row, &mut handlers));
    let selected = selected.filter(|selected| !selection.names_work() || !selected.handlers.is_empty()).collect();
    Ok(Page { selected, next_after: next_after.filter(|id| *id < last_id) })
}

/// The next deliveries of a selection that have dead work, or are in quarantine, and that nobody has dismissed. With
/// that work alone.
pub(crate) async fn undismissed(connection: &mut Connection, selection: &Selection, limit: i64) -> QueryResult<Page> {
    let (first_id, last_id, names_work) = (selection.first_id, selection.last_id, selection.names_work());
    let mut ids: Vec<i64> = Vec::new();
    if selection.state.is_none_or(|state| state == State::Discarded) {
        let dead = work::table.filter(sql::<Bool>(of_work::UNDISMISSED));
        let dead = dead.filter(work::delivery_id.between(first_id, last_id)).order(work::delivery_id);
        ids = dead.select(work::delivery_id).limit(limit).load(connection).await?;
    }
    if !names_work {
        let unread = deliveries::table.filter(sql::<Bool>(of_deliveries::UNDISMISSED));
        let unread = unread.filter(deliveries::id.between(first_id, last_id)).order(deliveries::id);
        ids.extend(unread.select(deliveries::id).limit(limit).load::<i64>(connection).await?);
    }
    ids.sort_unstable();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_cut = ids.len() >= limit;
    ids.truncate(limit);
    ids.dedup();
    let next_after = ids.last().copied().filter(|id| is_cut && *id < last_id);
    let query = selected!(selection, Db).filter(deliveries::id.eq_any(ids)).order(deliveries::id);
    let columns = (deliveries::id, deliveries::first_delivery_id, deliveries::standing, deliveries::event);
    let rows: Vec<Row> = query.select(columns).load(connection).await?;
    let ids = rows.iter().map(|(id, ..)| *id).collect();
    let mut handlers = handlers_of(connection, selection, ids, Some(of_work::UNDISMISSED)).await?;
    let selected = rows.into_iter().map(|row| {
        let selected = selected_of(row, &mut handlers);
        Selected { is_quarantined: selected.is_quarantined && !names_work, ..selected }
    });
    let selected = selected.filter(|one| one.is_quarantined || !one.handlers.is_empty()).collect();
    Ok(Page { selected, next_after })
}

fn selected_of(
    (delivery_id, first_delivery_id, standing, event): Row,
    handlers: &mut HashMap<i64, Vec<String>>,
) -> Selected {
    Selected {
        delivery_id,
        first_delivery_id,
        is_quarantined: standing == Standing::Quarantined,
        has_event: event != EventKind::Unknown,
        handlers: handlers.remove(&delivery_id).unwrap_or_default(),
    }
}

async fn range(connection: &mut Connection, selection: &Selection, limit: i64) -> QueryResult<Range> {
    if selection.first_id == selection.last_id {
        return Ok(Range::Until { last_id: selection.last_id, is_cut: false });
    }
    if let Some(result_id) = &selection.result_id {
        return of_result(connection, selection, sought(result_id), limit).await;
    }
    if selection.error_group.is_some() {
        let in_range = selection.first_id..=selection.last_id;
        let (failed, end) = failed(connection, selection, in_range, Order::OldestFirst).await?;
        let mut ids: Vec<i64> = failed.into_iter().map(|failed| failed.delivery_id).collect();
        ids.dedup();
        return Ok(cut(ids, end, limit));
    }
    if selection.state == Some(State::Running) {
        // All that runs, which is not much: with a range of deliveries, SQLite would read that range instead.
        let ids = work::table.filter(sql::<Bool>("lease_until IS NOT NULL")).select(work::delivery_id);
        let mut ids: Vec<i64> = ids.load(connection).await?;
        ids.retain(|id| (selection.first_id..=selection.last_id).contains(id));
        ids.sort_unstable();
        ids.dedup();
        return Ok(cut(ids, None, limit));
    }
    if selection.state == Some(State::Discarded) {
        // The literal matches the partial index.
        let ids = work::table
            .filter(sql::<Bool>("state = 'discarded'"))
            .filter(work::delivery_id.between(selection.first_id, selection.last_id))
            .order(work::delivery_id)
            .select(work::delivery_id)
            .limit(limit);
        let mut ids: Vec<i64> = ids.load(connection).await?;
        let end = ids.last().copied().filter(|_| i64::try_from(ids.len()) == Ok(limit));
        ids.dedup();
        return Ok(Range::Ids { ids, end });
    }
    let end = deliveries::table
        .filter(deliveries::id.between(selection.first_id, selection.last_id))
        .order(deliveries::id)
        .select(deliveries::id)
        .limit(1)
        .offset(MAX_ROWS_READ - 1);
    let end: Option<i64> = end.get_result(connection).await.optional()?;
    Ok(Range::Until { last_id: end.unwrap_or(selection.last_id), is_cut: end.is_some() })
}

/// The stored deliveries about a result, on each endpoint: those filed under its first delivery, and those in
/// quarantine.
async fn of_result(
    connection: &mut Connection,
    selection: &Selection,
    result_id: &str,
    limit: i64,
) -> QueryResult<Range> {
    let firsts = first_deliveries(connection, result_id).await?;
    let in_range = deliveries::id.between(selection.first_id, selection.last_id);
    let filed = deliveries::table.filter(deliveries::first_delivery_id.eq_any(firsts)).filter(in_range);
    let filed = filed.order(deliveries::id).select(deliveries::id).limit(limit);
    let mut ids: Vec<i64> = filed.load(connection).await?;
    let unread = deliveries::table.filter(deliveries::first_delivery_id.is_null());
    let unread = unread.filter(deliveries::result_id.eq(result_id)).filter(in_range);
    let unread = unread.order(deliveries::id).select(deliveries::id).limit(limit);
    ids.extend(unread.load::<i64>(connection).await?);
    ids.sort_unstable();
    Ok(cut(ids, None, limit))
}

/// The first of these deliveries. `end` is the last one that was looked at.
fn cut(mut ids: Vec<i64>, end: Option<i64>, limit: i64) -> Range {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let end = if ids.len() >= limit { ids.get(limit - 1).copied() } else { end };
    ids.truncate(limit);
    Range::Ids { ids, end }
}

/// The first delivery about a result of this id, on each endpoint.
pub(super) async fn first_deliveries(connection: &mut Connection, result_id: &str) -> QueryResult<Vec<i64>> {
    let mut firsts = Vec::new();
    for endpoint in endpoints(connection).await? {
        let first = results::table.find((endpoint, result_id)).select(results::first_delivery_id);
        firsts.extend(first.get_result::<i64>(connection).await.optional()?);
    }
    Ok(firsts)
}

/// Every endpoint that a result came to, each by one look at the key.
async fn endpoints(connection: &mut Connection) -> QueryResult<Vec<String>> {
    let mut endpoints: Vec<String> = Vec::new();
    loop {
        let last = endpoints.last().cloned().unwrap_or_default();
        let next = results::table.filter(results::endpoint.gt(last)).order((results::endpoint, results::id));
        let next = next.select(results::endpoint).limit(1).get_result(connection).await.optional()?;
        let Some(next) = next else { return Ok(endpoints) };
        endpoints.push(next);
    }
}

/// The handlers whose work on these deliveries is selected, and fits the condition.
async fn handlers_of(
    connection: &mut Connection,
    selection: &Selection,
    ids: Vec<i64>,
    condition: Option<&str>,
) -> QueryResult<HashMap<i64, Vec<String>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut query = work::table.filter(work::delivery_id.eq_any(ids)).into_boxed::<Db>();
    if let Some(condition) = condition {
        query = query.filter(sql::<Bool>(condition));
    }
    if let Some(state) = selection.state {
        query = query.filter(of_work::is_in(state));
    }
    if let Some(handler) = &selection.handler {
        query = query.filter(work::handler.eq(sought(handler)));
    }
    let query = query.order((work::delivery_id, work::handler));
    let pairs: Vec<(i64, String)> = match &selection.error_group {
        None => query.select((work::delivery_id, work::handler)).load(connection).await?,
        Some(group) => {
            let rows = query.filter(work::state.eq_any(State::ALL)).select(WorkRow::as_select());
            let rows: Vec<WorkRow> = rows.load(connection).await?;
            let rows = rows.into_iter().filter(|row| fails_with(row, group));
            rows.map(|row| (row.delivery_id, row.handler)).collect()
        }
    };
    let mut handlers: HashMap<i64, Vec<String>> = HashMap::new();
    for (id, handler) in pairs {
        handlers.entry(id).or_default().push(handler);
    }
    Ok(handlers)
}

/// Whether anything is stored under a name.
pub(crate) async fn is_known(connection: &mut Connection, name: &Name) -> QueryResult<bool> {
    match name {
        Name::Endpoint(name) => {
            let of_result = results::table.filter(results::endpoint.eq(sought(name))).select(results::delivery_id);
            let of_result: Option<i64> = of_result.limit(1).get_result(connection).await.optional()?;
            let unread = deliveries::table.filter(deliveries::first_delivery_id.is_null()).select(deliveries::id);
            let unread = unread.filter(deliveries::endpoint.eq(sought(name))).limit(1);
            Ok(of_result.is_some() || unread.get_result::<i64>(connection).await.optional()?.is_some())
        }
        Name::Handler(name) => {
            let attached = handlers::table.find(sought(name)).select(handlers::name);
            if attached.get_result::<String>(connection).await.optional()?.is_some() {
                return Ok(true);
            }
            // No index finds the completed work of a handler that was never attached to these tables.
            for condition in [of_work::WAITING_FIRST, "state = 'discarded'"] {
                let of_handler = work::table.filter(sql::<Bool>(condition)).filter(work::handler.eq(sought(name)));
                let of_handler = of_handler.select(work::delivery_id).limit(1);
                if of_handler.get_result::<i64>(connection).await.optional()?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}
