use std::collections::HashSet;
use std::time::Duration;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::RunQueryDsl;

use super::{Connection, shared};
use crate::schema::work::lapsed;
use crate::{Rescue, Ticket, Timestamp, UtcTimestamp, failpoint, work};

/// One heartbeat at a time looks for lapsed leases: two would each give a suspect its turn. The number is ours.
const ONE_RESCUER: i64 = 5_570_251_197;

define_sql_function! {
    /// Takes a lock on a number until the transaction ends, unless another transaction has it.
    fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
}

/// Renews the leases of `tickets`, and rescues the work whose lease has lapsed.
///
/// It waits for nobody. A handler's transaction keeps its row locked until it ends, and nobody takes that work
/// meanwhile. So a lease loses nothing when that lock keeps it from being renewed.
pub(super) async fn renew_and_rescue(
    connection: &mut Connection,
    tickets: &[Ticket],
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Rescue> {
    let mut rescue = Rescue { stale: renew(connection, tickets, lease, now).await?, ..Rescue::default() };
    failpoint::reach("lease.renewed");
    if diesel::select(pg_try_advisory_xact_lock(ONE_RESCUER)).get_result(connection).await? {
        let lost = lapsed(&now).order((work::lease_until, work::delivery_id)).for_update().skip_locked();
        let lost = lost.select(shared::LAPSED).load(connection).await?;
        shared::rescue(connection, lost, lease, now, &mut rescue).await?;
    }
    Ok(rescue)
}

/// Renews the tickets that are still held, in one statement. Gives back the stale ones.
async fn renew(
    connection: &mut Connection,
    tickets: &[Ticket],
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Vec<Ticket>> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let renewal = Renewal {
        delivery_id: tickets.iter().map(|ticket| ticket.delivery_id).collect(),
        handler: tickets.iter().map(|ticket| ticket.handler.as_str()).collect(),
        epoch: tickets.iter().map(|ticket| ticket.epoch).collect(),
        now,
        lease_until: now.after(lease),
    };
    let stale: Vec<(i64, String, i64)> = renewal.load(connection).await?;
    let stale: HashSet<(i64, &str, i64)> = stale.iter().map(|(id, handler, epoch)| (*id, &**handler, *epoch)).collect();
    let is_stale = |ticket: &&Ticket| stale.contains(&(ticket.delivery_id, &*ticket.handler, ticket.epoch));
    Ok(tickets.iter().filter(is_stale).cloned().collect())
}

/// Renews tickets, except those whose rows somebody has locked, and selects the stale ones.
struct Renewal<'a> {
    delivery_id: Vec<i64>,
    handler: Vec<&'a str>,
    epoch: Vec<i64>,
    now: Timestamp,
    lease_until: Timestamp,
}

impl QueryFragment<Pg> for Renewal<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH asked AS (SELECT unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.delivery_id)?;
        out.push_sql(") AS delivery_id, unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.handler)?;
        out.push_sql(") AS handler, unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.epoch)?;
        out.push_sql(
            ") AS epoch), held AS (SELECT work.delivery_id, work.handler FROM asked, LATERAL (SELECT w.delivery_id, w.handler \
             FROM mojito_work AS w WHERE w.delivery_id = asked.delivery_id AND w.handler = asked.handler \
             AND w.epoch = asked.epoch AND w.state = 'running' FOR UPDATE SKIP LOCKED) AS work), \
             renewed AS (UPDATE mojito_work SET measured_from = ",
        );
        out.push_bind_param::<UtcTimestamp, _>(&self.now)?;
        out.push_sql(", lease_until = ");
        out.push_bind_param::<UtcTimestamp, _>(&self.lease_until)?;
        out.push_sql(
            " FROM held WHERE mojito_work.delivery_id = held.delivery_id AND mojito_work.handler = held.handler) \
             SELECT asked.delivery_id, asked.handler, asked.epoch FROM asked WHERE NOT EXISTS (SELECT 1 FROM mojito_work AS w \
             WHERE w.delivery_id = asked.delivery_id AND w.handler = asked.handler AND w.epoch = asked.epoch \
             AND w.state = 'running')",
        );
        Ok(())
    }
}

impl QueryId for Renewal<'_> {
    type QueryId = Renewal<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Renewal<'_> {
    type SqlType = (BigInt, Text, BigInt);
}
