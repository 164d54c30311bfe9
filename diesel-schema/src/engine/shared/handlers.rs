use std::collections::HashMap;
use std::time::Duration;

use diesel::dsl::{count_star, exists, sql};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, Queryable};
use diesel::sql_types::Bool;

use super::overview::oldest_due;
use super::replay::give_up;
use super::{Connection, RunQueryDsl, keep_delivery, skip_overtaken_in};
use crate::schema::handlers::{SPEC, active};
use crate::schema::work::{IsFirstAndWaits, UNDISMISSED, unfinished};
use crate::{HandlerSpec, KnownHandler, Line, Standing, Timestamp, Versions, deliveries, handlers, work};

/// The shortest interval between two writes of a handler's `last_seen`.
const SEEN_INTERVAL: Duration = Duration::from_secs(60);

/// How long a handler counts as attached after its `last_seen`.
const ATTACHED_FOR: Duration = Duration::from_secs(180);

/// How long no process has had a handler attached before the handler's open work may be discarded, where that work is
/// too old. The clock reading that says so is a day old as well.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The number of deliveries that one transaction makes work for, or discards the work on.
const MAX_STEP_DELIVERIES: i64 = 500;

/// The text that an operator reads on work whose handler was retired.
const RETIRED: &str = "discarded: its handler was retired";

/// The text that an operator reads on work that was too old, and whose handler was gone.
const ABANDONED: &str = "discarded: no process had its handler attached, and it was older than `body_retention_days`";

/// The conditions of waiting work, in the words of the partial indexes; a bound value would not match.
const WAITING: [&str; 2] =
    ["is_first AND lease_until IS NULL AND finished_at IS NULL", "finished_at IS NULL AND NOT is_first"];

/// The handlers that work is made for, in the order of their names.
pub(crate) async fn active_handlers(connection: &mut Connection) -> QueryResult<Vec<HandlerSpec>> {
    active().order(handlers::name).select(SPEC).load(connection).await
}

/// Whether the stored handlers equal `specs`, none of them retired. If so, they are noted as seen.
pub(crate) async fn is_attached(
    connection: &mut Connection,
    specs: &[HandlerSpec],
    now: Timestamp,
) -> QueryResult<bool> {
    let stored = active_handlers(connection).await?;
    if !specs.iter().all(|spec| stored.contains(spec)) {
        return Ok(false);
    }
    let names: Vec<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    see(connection, &names, now).await.map(|()| true)
}

/// Enters handlers. A retired handler gets work for the deliveries recorded since, and is active then. Where that
/// exceeds one transaction, the handler stays retired, and first [catches up](catch_up) to the delivery that is given
/// back.
///
/// The caller keeps others from recording meanwhile: a delivery with a lower id may be committed later than others.
pub(crate) async fn attach(
    connection: &mut Connection,
    specs: &[HandlerSpec],
    now: Timestamp,
) -> QueryResult<Option<i64>> {
    let mut newest = None;
    for spec in specs {
        let row = handlers::table.find(&spec.name);
        let said = (
            handlers::takes_late.eq(spec.takes_late),
            handlers::wants.eq(spec.wants),
            handlers::max_attempts.eq(spec.max_attempts),
            handlers::has_erased_hook.eq(spec.has_erased_hook),
            handlers::last_seen.eq(now),
        );
        if diesel::update(row).set(said).execute(connection).await? == 0 {
            let new = (handlers::name.eq(&spec.name), said, handlers::first_seen.eq(now));
            diesel::insert_into(handlers::table).values(new).execute(connection).await?;
        }
        let Some(up_to) = recorded_up_to(connection, &spec.name).await? else { continue };
        let missed = missed(connection, up_to, i64::MAX).await?;
        if i64::try_from(missed.len()) == Ok(MAX_STEP_DELIVERIES) {
            newest = newest_delivery(connection).await?;
            continue;
        }
        give_work(connection, spec, &missed, now).await?;
        let active = (handlers::retired_at.eq(None::<Timestamp>), handlers::recorded_up_to.eq(None::<i64>));
        diesel::update(row).set(active).execute(connection).await?;
    }
    Ok(newest)
}

/// One step for each retired handler: makes work for the deliveries recorded since, up to `last_id`, and leaves the
/// handler retired. The stored order keeps every line in order, since nobody else makes work for the handler.
pub(crate) async fn catch_up(
    connection: &mut Connection,
    specs: &[HandlerSpec],
    last_id: i64,
    now: Timestamp,
) -> QueryResult<()> {
    for spec in specs {
        let row = handlers::table.find(&spec.name).filter(handlers::retired_at.is_not_null());
        // Written first: the second of two processes waits for the first, and goes on where the first has ended.
        diesel::update(row).set(handlers::takes_late.eq(spec.takes_late)).execute(connection).await?;
        let Some(up_to) = recorded_up_to(connection, &spec.name).await? else { continue };
        let missed = missed(connection, up_to, last_id).await?;
        let Some(last) = missed.last() else { continue };
        give_work(connection, spec, &missed, now).await?;
        diesel::update(row).set(handlers::recorded_up_to.eq(last.id)).execute(connection).await?;
    }
    Ok(())
}

/// The last delivery that a retired handler has work for: it goes on from there.
async fn recorded_up_to(connection: &mut Connection, name: &str) -> QueryResult<Option<i64>> {
    handlers::table.find(name).select(handlers::recorded_up_to).get_result(connection).await
}

async fn newest_delivery(connection: &mut Connection) -> QueryResult<Option<i64>> {
    let newest = deliveries::table.order(deliveries::id.desc()).select(deliveries::id).limit(1);
    newest.get_result(connection).await.optional()
}

/// A delivery that was recorded while a handler was retired.
#[derive(Queryable)]
struct Missed {
    id: i64,
    first_delivery_id: Option<i64>,
    standing: Standing,
    has_body: bool,
}

/// The next missed deliveries, in stored order.
async fn missed(connection: &mut Connection, after_id: i64, last_id: i64) -> QueryResult<Vec<Missed>> {
    let next = deliveries::table.filter(deliveries::id.gt(after_id)).filter(deliveries::id.le(last_id));
    let next = next.order(deliveries::id).limit(MAX_STEP_DELIVERIES);
    let columns = (deliveries::id, deliveries::first_delivery_id, deliveries::standing, deliveries::body.is_not_null());
    next.select(columns).load(connection).await
}

/// Makes the work on these deliveries that their recording would have made, and ends the overtaken work. A delivery
/// without a body gets none, and overtakes nothing.
async fn give_work(
    connection: &mut Connection,
    spec: &HandlerSpec,
    missed: &[Missed],
    now: Timestamp,
) -> QueryResult<()> {
    let mut lines = Vec::new();
    for delivery in missed {
        let standing = delivery.standing;
        let is_wanted = standing == Standing::Current || (standing == Standing::Late && spec.takes_late);
        let filed = delivery.first_delivery_id.filter(|_| is_wanted && delivery.has_body);
        let Some(first_delivery_id) = filed else { continue };
        if !keep_delivery(connection, delivery.id).await? {
            continue;
        }
        let new = (
            work::delivery_id.eq(delivery.id),
            work::handler.eq(&spec.name),
            work::first_delivery_id.eq(first_delivery_id),
            work::max_attempts.eq(spec.max_attempts),
            work::is_first.eq(false),
        );
        diesel::insert_into(work::table).values(new).on_conflict_do_nothing().execute(connection).await?;
        lines.push(Line { first_delivery_id, handler: spec.name.clone() });
    }
    skip_overtaken_in(connection, lines, now).await
}

/// Notes that a process has these handlers attached, unless that was noted within a minute.
async fn see(connection: &mut Connection, names: &[String], now: Timestamp) -> QueryResult<()> {
    let rows = handlers::table.filter(handlers::name.eq_any(names));
    let unseen = rows.filter(handlers::last_seen.le(now.before(SEEN_INTERVAL)));
    diesel::update(unseen).set(handlers::last_seen.eq(now)).execute(connection).await.map(drop)
}

/// Notes that a process has these handlers attached. Gives back the other active handlers that no living process has
/// attached.
pub(crate) async fn note_attached(
    connection: &mut Connection,
    names: &[String],
    now: Timestamp,
) -> QueryResult<Vec<String>> {
    see(connection, names, now).await?;
    let unattached = active().filter(handlers::last_seen.lt(now.before(ATTACHED_FOR)));
    unattached.order(handlers::name).select(handlers::name).load(connection).await
}

/// The handlers that a living process has attached.
async fn attached(connection: &mut Connection, now: Timestamp) -> QueryResult<Vec<String>> {
    let attached = active().filter(handlers::last_seen.ge(now.before(ATTACHED_FOR)));
    attached.select(handlers::name).load(connection).await
}

/// Every handler that has been attached, in the order of their names.
pub(crate) async fn known_handlers(connection: &mut Connection, now: Timestamp) -> QueryResult<Vec<KnownHandler>> {
    type Row = (String, bool, Versions, i32, bool, Timestamp, Timestamp, Option<Timestamp>);
    let columns = (
        handlers::name,
        handlers::takes_late,
        handlers::wants,
        handlers::max_attempts,
        handlers::has_erased_hook,
        handlers::first_seen,
        handlers::last_seen,
        handlers::retired_at,
    );
    let rows: Vec<Row> = handlers::table.order(handlers::name).select(columns).load(connection).await?;
    let waiting = count_by_handler(connection, &WAITING).await?;
    let running = count_by_handler(connection, &["lease_until IS NOT NULL"]).await?;
    let discarded = count_by_handler(connection, &[UNDISMISSED]).await?;
    let mut known = Vec::with_capacity(rows.len());
    for (name, takes_late, wants, max_attempts, has_erased_hook, first_seen, last_seen, retired_at) in rows {
        let of = |counts: &HashMap<String, i64>| counts.get(&name).copied().unwrap_or_default();
        known.push(KnownHandler {
            waiting: of(&waiting),
            running: of(&running),
            discarded: of(&discarded),
            oldest_due: oldest_due(connection, &name, now).await?,
            is_attached: retired_at.is_none() && last_seen >= now.before(ATTACHED_FOR),
            name,
            takes_late,
            wants,
            max_attempts,
            has_erased_hook,
            first_seen,
            last_seen,
            retired_at,
        });
    }
    Ok(known)
}

/// The amount of work that waits for attached handlers, and the amount that waits for others.
pub(crate) async fn count_waiting(connection: &mut Connection, now: Timestamp) -> QueryResult<(i64, i64)> {
    let attached = attached(connection, now).await?;
    let waiting = count_by_handler(connection, &WAITING).await?;
    let all: i64 = waiting.values().sum();
    let of_attached: i64 = attached.iter().filter_map(|name| waiting.get(name)).sum();
    Ok((of_attached, all - of_attached))
}

/// Counts the work of each handler that fits one of these conditions.
async fn count_by_handler(connection: &mut Connection, conditions: &[&str]) -> QueryResult<HashMap<String, i64>> {
    let mut counts: HashMap<String, i64> = HashMap::new();
    for condition in conditions {
        let counted = work::table.filter(sql::<Bool>(condition)).group_by(work::handler);
        let counted: Vec<(String, i64)> = counted.select((work::handler, count_star())).load(connection).await?;
        for (handler, count) in counted {
            *counts.entry(handler).or_default() += count;
        }
    }
    Ok(counts)
}

/// Retires a handler: from the commit on nothing makes work for it. `false` where no handler has this name, or a living
/// process has it attached. A retired handler stays as it is.
///
/// The caller keeps others from recording meanwhile.
pub(crate) async fn retire(connection: &mut Connection, name: &str, now: Timestamp) -> QueryResult<bool> {
    let row = handlers::table.find(name);
    let is_retired = exists(row.filter(handlers::retired_at.is_not_null()));
    if diesel::select(is_retired).get_result(connection).await? {
        return Ok(true);
    }
    let newest = newest_delivery(connection).await?.unwrap_or(0);
    let retired = (handlers::retired_at.eq(now), handlers::recorded_up_to.eq(newest));
    let gone = active().filter(handlers::name.eq(name)).filter(handlers::last_seen.lt(now.before(ATTACHED_FOR)));
    Ok(diesel::update(gone).set(retired).execute(connection).await? == 1)
}

/// One step: discards work that waits for a retired handler, and adds the count to an audit. With `before`, it also
/// discards the work of gone handlers on deliveries that arrived before that time. 0 where only running work and locked
/// rows are left.
pub(crate) async fn discard_unattended(
    connection: &mut Connection,
    before: Option<Timestamp>,
    audit_id: Option<i64>,
    now: Timestamp,
) -> QueryResult<u64> {
    match (discard_retired(connection, audit_id, now).await?, before) {
        (0, Some(before)) => discard_abandoned(connection, before, audit_id, now).await,
        (discarded, _) => Ok(discarded),
    }
}

async fn discard_retired(connection: &mut Connection, audit_id: Option<i64>, now: Timestamp) -> QueryResult<u64> {
    let retired = handlers::table.filter(handlers::retired_at.is_not_null()).select(handlers::name);
    let retired: Vec<String> = retired.load(connection).await?;
    for name in retired {
        // Each line whole, so that the rows behind a first are not looked up one by one.
        let firsts = work::table.filter(work::handler.eq(&name)).filter(IsFirstAndWaits);
        let lines: Vec<i64> =
            firsts.select(work::first_delivery_id).limit(MAX_STEP_DELIVERIES).load(connection).await?;
        let waiting = work::table.filter(work::first_delivery_id.eq_any(lines)).filter(work::handler.eq(&name));
        let waiting = waiting.filter(work::finished_at.is_null()).order(work::delivery_id).limit(MAX_STEP_DELIVERIES);
        let waiting = waiting.select((work::delivery_id, (work::first_delivery_id, work::handler)));
        let pairs: Vec<(i64, Line)> = waiting.load(connection).await?;
        let discarded = give_up(connection, &pairs, RETIRED, audit_id, now).await?;
        if discarded > 0 {
            return Ok(discarded);
        }
    }
    Ok(0)
}

/// Discards work that is too old, of handlers that no process has had attached for a day.
async fn discard_abandoned(
    connection: &mut Connection,
    before: Timestamp,
    audit_id: Option<i64>,
    now: Timestamp,
) -> QueryResult<u64> {
    let seen = active().filter(handlers::last_seen.ge(now.before(ABANDONED_AFTER))).select(handlers::name);
    let seen: Vec<String> = seen.load(connection).await?;
    // A body that is too old exists only where unfinished work needs it.
    let ids = deliveries::table
        .filter(deliveries::body.is_not_null())
        .filter(deliveries::received_at.lt(before))
        .filter(exists(unfinished().filter(work::handler.ne_all(&seen))))
        .order(deliveries::received_at)
        .limit(MAX_STEP_DELIVERIES)
        .select(deliveries::id);
    let ids: Vec<i64> = ids.load(connection).await?;
    let abandoned = work::table.filter(work::delivery_id.eq_any(ids)).filter(work::handler.ne_all(&seen));
    let abandoned = abandoned.filter(work::finished_at.is_null()).order((work::delivery_id, work::handler));
    let abandoned = abandoned.select((work::delivery_id, (work::first_delivery_id, work::handler)));
    let pairs: Vec<(i64, Line)> = abandoned.load(connection).await?;
    give_up(connection, &pairs, ABANDONED, audit_id, now).await
}
