use std::time::Duration;

use diesel::prelude::*;
use diesel::query_dsl::methods::ExecuteDsl;

use super::shared;
use crate::engine::update::update;
use crate::schema::work::{held, lapsed};
use crate::{Rescue, Ticket, Timestamp, failpoint, work};

/// Renews the leases of `tickets`, and rescues the work whose lease has lapsed.
pub(super) async fn renew_and_rescue(
    connection: &mut SqliteConnection,
    tickets: Vec<Ticket>,
    lease: Duration,
    now: Timestamp,
) -> QueryResult<Rescue> {
    let mut rescue = Rescue::default();
    for ticket in tickets {
        let row = held(ticket.delivery_id, &ticket.handler, ticket.epoch);
        let renewed = (work::measured_from.eq(now), work::lease_until.eq(now.after(lease)));
        if ExecuteDsl::execute(update(row, renewed), connection)? == 0 {
            rescue.stale.push(ticket);
        }
    }
    failpoint::reach("lease.renewed");
    let lost = lapsed(&now).order((work::lease_until, work::delivery_id));
    let lost = lost.select(shared::LAPSED).load(connection)?;
    shared::rescue(connection, lost, lease, now, &mut rescue).await?;
    Ok(rescue)
}
