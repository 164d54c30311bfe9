use diesel::prelude::{
    ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper,
};

use super::{Connection, RunQueryDsl};
use crate::{State, Timestamp, WorkRow, deliveries, work};

/// Makes a piece of work the first of its line and claimable, whatever its state. It is made if it does not exist.
pub(crate) async fn make_claimable(
    connection: &mut Connection,
    (delivery_id, handler): &(i64, String),
    max_attempts: i32,
    now: Timestamp,
) -> QueryResult<WorkRow> {
    let first = deliveries::table.find(*delivery_id).select(deliveries::first_delivery_id.assume_not_null());
    let first: i64 = first.filter(deliveries::first_delivery_id.is_not_null()).get_result(connection).await?;
    let new = (
        work::delivery_id.eq(delivery_id),
        work::handler.eq(handler),
        work::first_delivery_id.eq(first),
        work::max_attempts.eq(max_attempts),
        work::is_first.eq(false),
    );
    diesel::insert_into(work::table).values(new).on_conflict_do_nothing().execute(connection).await?;
    let line = work::table.filter(work::first_delivery_id.eq(first)).filter(work::handler.eq(handler));
    diesel::update(line).set(work::is_first.eq(false)).execute(connection).await?;
    let own = work::table.find((*delivery_id, handler));
    let row: WorkRow = own.select(WorkRow::as_select()).get_result(connection).await?;
    let is_over = row.finished_at.is_some() || row.attempt >= row.max_attempts;
    if is_over {
        let anew = (
            work::state.eq(State::Pending),
            work::attempt.eq(0),
            work::due_at.eq(None::<Timestamp>),
            work::lease_until.eq(None::<Timestamp>),
            work::finished_at.eq(None::<Timestamp>),
            work::last_error.eq(None::<String>),
            work::hook_due_at.eq(None::<Timestamp>),
        );
        diesel::update(own).set(anew).execute(connection).await?;
    } else if row.state == State::Running {
        let lapsed =
            (work::state.eq(State::Retryable), work::due_at.eq(Some(now)), work::lease_until.eq(None::<Timestamp>));
        diesel::update(own).set(lapsed).execute(connection).await?;
    }
    diesel::update(own).set(work::is_first.eq(true)).execute(connection).await?;
    own.select(WorkRow::as_select()).get_result(connection).await
}

/// The state of a piece of work.
pub(crate) async fn state_of(
    connection: &mut Connection,
    (delivery_id, handler): &(i64, String),
) -> QueryResult<Option<State>> {
    work::table.find((*delivery_id, handler)).select(work::state).get_result(connection).await.optional()
}
