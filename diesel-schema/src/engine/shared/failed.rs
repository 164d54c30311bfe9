use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult, TextExpressionMethods};
use diesel::sql_types::{Bool, Nullable, Text};

use super::{Connection, Db, RunQueryDsl};
use crate::rules::error_group::error_group;
use crate::rules::selection::{selected, sought};
use crate::{ErrorGroup, ErrorGroups, Selection, Timestamp, deliveries, work};

/// How many rows of failing and dead work one page reads.
pub(super) const MAX_ROWS_READ: usize = 5_000;

/// The condition of failing and dead work that nobody has dismissed, in the words of its index.
const FAILED: &str = "last_error IS NOT NULL AND (finished_at IS NULL OR state = 'discarded' \
                      AND (dismissed_at IS NULL OR dismissed_at < finished_at))";

/// The error of a row that an older version of the program has failed, without a group.
const UNGROUPED: &str = "CASE WHEN error_group IS NULL THEN last_error END";

/// The order in which deliveries are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    OldestFirst,
    NewestFirst,
}

/// Work that fails or is dead, with the group of its error.
pub(super) struct Failed {
    pub delivery_id: i64,
    pub handler: String,
    pub group: String,
}

/// The next failing and dead work of a selection's handler, state and error, on these deliveries. Also the last
/// delivery that was read, where the search has not come to the end.
pub(super) async fn failed(
    connection: &mut Connection,
    selection: &Selection,
    ids: RangeInclusive<i64>,
    order: Order,
) -> QueryResult<(Vec<Failed>, Option<i64>)> {
    type Row = (i64, String, String, Option<String>, Option<String>);
    let of_range = work::table.filter(sql::<Bool>(FAILED)).filter(work::delivery_id.between(*ids.start(), *ids.end()));
    let of_range = of_range.into_boxed::<Db>();
    let of_range = match order {
        Order::OldestFirst => of_range.order((work::delivery_id, work::handler)),
        Order::NewestFirst => of_range.order((work::delivery_id.desc(), work::handler.desc())),
    };
    // A later version of the program may have states that this one does not know.
    let (state, ungrouped) = (sql::<Text>("state"), sql::<Nullable<Text>>(UNGROUPED));
    let columns = (work::delivery_id, work::handler, state, work::error_group, ungrouped);
    let limit = i64::try_from(MAX_ROWS_READ).unwrap_or(i64::MAX);
    let mut rows: Vec<Row> = of_range.select(columns).limit(limit).load(connection).await?;
    let end = end_of(&mut rows, MAX_ROWS_READ, |(id, ..)| *id);
    let is_selected = |handler: &str, state: &str, group: &str| {
        selection.handler.as_ref().is_none_or(|selected| selected == handler)
            && selection.state.is_none_or(|selected| selected.as_str() == state)
            && selection.error_group.as_ref().is_none_or(|selected| selected == group)
    };
    let failed = rows.into_iter().filter_map(|(delivery_id, handler, state, group, error)| {
        let group = group.unwrap_or_else(|| error_group(error.as_deref().unwrap_or_default()));
        is_selected(&handler, &state, &group).then_some(Failed { delivery_id, handler, group })
    });
    Ok((failed.collect(), end))
}

/// The last delivery of rows of work in order, where there may be more than `limit` rows. The work on the delivery behind
/// it may have been read in part, and is left to the next page.
pub(super) fn end_of<R>(rows: &mut Vec<R>, limit: usize, id: impl Fn(&R) -> i64) -> Option<i64> {
    let cut = rows.last().filter(|_| rows.len() == limit).map(&id)?;
    rows.retain(|row| id(row) != cut);
    rows.last().map(id)
}

/// The errors of a selection in groups: those of its newest work before a delivery.
pub(crate) async fn errors(
    connection: &mut Connection,
    selection: &Selection,
    before: i64,
) -> QueryResult<ErrorGroups> {
    let ids = selection.first_id..=selection.last_id.min(before.saturating_sub(1));
    let (mut failed, end) = failed(connection, selection, ids, Order::NewestFirst).await?;
    if selection.names_deliveries() {
        let ids: BTreeSet<i64> = failed.iter().map(|failed| failed.delivery_id).collect();
        let fitting = selected!(selection, Db).filter(deliveries::id.eq_any(ids)).select(deliveries::id);
        let fitting: HashSet<i64> = fitting.load(connection).await?.into_iter().collect();
        failed.retain(|failed| fitting.contains(&failed.delivery_id));
    }
    let groups = grouped(connection, failed).await?;
    let mut page = ErrorGroups::default();
    page.extend(ErrorGroups { groups, next_before: end.filter(|id| *id > selection.first_id) });
    Ok(page)
}

/// The groups of this work, with the moments at which their oldest and newest deliveries came.
async fn grouped(connection: &mut Connection, failed: Vec<Failed>) -> QueryResult<Vec<ErrorGroup>> {
    let mut counted: BTreeMap<(String, String), (u64, i64, i64)> = BTreeMap::new();
    for Failed { delivery_id, handler, group } in failed {
        let (count, first, last) = counted.entry((handler, group)).or_insert((0, delivery_id, delivery_id));
        *count += 1;
        *first = delivery_id.min(*first);
        *last = delivery_id.max(*last);
    }
    let ends: BTreeSet<i64> = counted.values().flat_map(|(_, first, last)| [*first, *last]).collect();
    let came = deliveries::table.filter(deliveries::id.eq_any(ends)).select((deliveries::id, deliveries::received_at));
    let came: HashMap<i64, Timestamp> = came.load(connection).await?.into_iter().collect();
    let groups = counted.into_iter().filter_map(|((handler, error), (count, first, last))| {
        // Work is removed together with its delivery.
        let (first_received_at, last_received_at) = (*came.get(&first)?, *came.get(&last)?);
        Some(ErrorGroup { handler, error, count, first_received_at, last_received_at, sample: last })
    });
    Ok(groups.collect())
}
