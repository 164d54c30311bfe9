use std::collections::HashSet;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::{Connection, verbs};
use crate::backend::Rescue;
use crate::tables::work::{held, lapsed};
use crate::update::update;
use crate::{State, Ticket, Utc, failpoint, work};

/// One keeper at a time looks for lapsed leases: two would each give a suspect its turn. The number is ours.
const ONE_KEEPER: i64 = 5_570_251_197;

define_sql_function! {
    /// Takes a lock on a number until the transaction ends, unless somebody else has it.
    fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
}

/// Renews the leases in `held`, and frees those that have lapsed.
///
/// It waits for nobody. A handler's transaction keeps its row locked until it ends, and nobody takes that work
/// meanwhile: a lease that cannot be renewed for that is none the worse.
pub(super) async fn renew_and_rescue(
    connection: &mut Connection,
    tickets: &[Ticket],
    lease: Duration,
    now: Utc,
) -> QueryResult<Rescue> {
    let mut rescue = Rescue { stale: renew(connection, tickets, now.after(lease)).await?, ..Rescue::default() };
    failpoint::reach("lease.renewed");
    if diesel::select(pg_try_advisory_xact_lock(ONE_KEEPER)).get_result(connection).await? {
        let lost = lapsed(&now).order((work::lease_until, work::delivery_id)).for_update().skip_locked();
        let lost = lost.select((work::delivery_id, work::handler, work::attempt, work::max_attempts));
        let lost = lost.load(connection).await?;
        verbs::rescue(connection, lost, lease, now, &mut rescue).await?;
    }
    Ok(rescue)
}

/// Renews the tickets that are still held. What comes back is not.
async fn renew(connection: &mut Connection, tickets: &[Ticket], lease_until: Utc) -> QueryResult<Vec<Ticket>> {
    if tickets.is_empty() {
        return Ok(Vec::new());
    }
    let deliveries = tickets.iter().map(|ticket| ticket.delivery_id);
    let running = work::table.filter(work::delivery_id.eq_any(deliveries)).filter(work::state.eq(State::Running));
    let running: Vec<Ticket> = running
        .select((work::delivery_id, work::handler, work::epoch))
        .load::<(i64, String, i64)>(connection)
        .await?
        .into_iter()
        .map(|(delivery_id, handler, epoch)| Ticket { delivery_id, handler, epoch })
        .collect();
    let running: HashSet<&Ticket> = running.iter().collect();
    let (valid, stale): (Vec<&Ticket>, Vec<&Ticket>) = tickets.iter().partition(|ticket| running.contains(ticket));
    for ticket in valid {
        let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
        let free: Option<i64> =
            row.for_update().skip_locked().select(work::delivery_id).get_result(connection).await.optional()?;
        if free.is_some() {
            let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
            update(row, work::lease_until.eq(lease_until)).execute(connection).await?;
        }
    }
    Ok(stale.into_iter().cloned().collect())
}
