use diesel::prelude::*;
use diesel::query_dsl::methods::ExecuteDsl;

use super::line::WasPromoted;
use super::lookup::current_delivery;
use super::{at_once, shared};
use crate::engine::claim::ClaimBudget;
use crate::engine::update::update;
use crate::schema::versions::completed_before;
use crate::schema::work::{body_size, claimable};
use crate::{Claim, ClaimRequest, Claimed, DeliveryRow, State, Ticket, Timestamp, WorkRow, deliveries, work};

pub(super) fn claim(connection: &mut SqliteConnection, request: &ClaimRequest, now: Timestamp) -> QueryResult<Claimed> {
    let mut budget = ClaimBudget::new(request);
    // The query finds rows as the loop asks for them. With a bound limit SQLite would compile the query anew each time.
    let free = claimable(&request.handler, &now).select((WorkRow::as_select(), body_size(), WasPromoted));
    let (mut rows, mut has_promoted) = (Vec::new(), false);
    for row in free.load_iter::<(WorkRow, Option<i32>, bool), _>(connection)? {
        let (row, size, was_promoted) = row?;
        if row.delivery_id > request.up_to {
            continue;
        }
        if budget.takes(&row, size) {
            has_promoted |= was_promoted;
            rows.push(row);
        }
        if budget.is_cut() {
            break;
        }
    }
    let (epoch, lease) = (Ticket::new_epoch(), (now, now.after(request.lease)));
    let claims = rows.into_iter().map(|row| take(connection, row, epoch, lease));
    Ok(Claimed { claims: claims.collect::<QueryResult<_>>()?, is_cut: budget.is_cut(), has_promoted })
}

/// Claims a row that was selected as claimable.
pub(super) fn take(
    connection: &mut SqliteConnection,
    row: WorkRow,
    epoch: i64,
    lease: (Timestamp, Timestamp),
) -> QueryResult<Claim> {
    let delivery: DeliveryRow =
        deliveries::table.find(row.delivery_id).select(DeliveryRow::as_select()).get_result(connection)?;
    let ticket = Ticket::from_row(&row, epoch);
    let attempt = row.attempt + 1;
    let running = (
        work::state.eq(State::Running),
        work::attempt.eq(attempt),
        work::epoch.eq(ticket.epoch),
        work::due_at.eq(None::<Timestamp>),
        work::measured_from.eq(lease.0),
        work::started_at.eq(lease.0),
        work::lease_until.eq(lease.1),
    );
    let key = (ticket.delivery_id, &ticket.handler);
    ExecuteDsl::execute(update(work::table.find(key), running), connection)?;
    let result_id = delivery.result_id.as_deref().unwrap_or_default();
    let current: Option<i64> = current_delivery(&delivery.endpoint, result_id).get_result(connection).optional()?;
    let former: Option<(i64, Option<Vec<u8>>)> = match delivery.version {
        Some(version) if version > 1 => {
            let mut former = completed_before(row.first_delivery_id, version, &row.handler).load_iter(connection)?;
            former.next().transpose()?
        }
        _ => None,
    };
    let (former_version, former_body) = former.map_or((None, None), |(version, body)| (Some(version), body));
    let mut claim = Claim {
        ticket,
        attempt,
        max_attempts: row.max_attempts,
        is_superseded: current.is_some_and(|current| current > delivery.id),
        delivery,
        former_version,
        former_body,
        changes_since: Vec::new(),
    };
    at_once(shared::add_changes(connection, &mut claim))?;
    Ok(claim)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::query_builder::QueryFragment;
    use diesel::sql_types::Text;
    use diesel::sqlite::Sqlite;

    use super::*;
    use crate::engine::sqlite::line::{behind_first, first_of};
    use crate::engine::sqlite::lookup::{known, of_message, quarantined, waiting};
    use crate::engine::sqlite::migrations::MIGRATIONS;
    use crate::schema::versions::{changes_between, versions};
    use crate::schema::work::lapsed;

    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    /// SQLite's plan of a query on the tables as the migrations make them.
    fn plan(query: &str) -> Vec<String> {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        for migration in MIGRATIONS {
            connection.batch_execute(migration.up).unwrap();
        }
        let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(&mut connection).unwrap();
        steps.into_iter().map(|step| step.detail).collect()
    }

    /// The text of a query, which stays prepared.
    fn sql(query: &impl QueryFragment<Sqlite>) -> String {
        assert!(query.is_safe_to_cache_prepared(&Sqlite).unwrap(), "it is prepared anew each time");
        diesel::debug_query::<Sqlite, _>(query).to_string().split(" -- binds").next().unwrap().to_owned()
    }

    #[test]
    fn what_runs_often_looks_things_up_by_an_index() {
        let now = Timestamp::now();
        let cases = [
            (
                sql(&claimable("h", &now).select((WorkRow::as_select(), body_size(), WasPromoted))),
                "mojito_work_claimable",
            ),
            (sql(&first_of(1, "h")), "mojito_work_first"),
            (sql(&behind_first(1, "h")), "mojito_work_behind"),
            (sql(&lapsed(&now)), "mojito_work_by_lease"),
            (sql(&known(1, &[0; 32])), "mojito_deliveries_by_fingerprint"),
            (sql(&quarantined()), "mojito_deliveries_by_version"),
            (sql(&waiting(&[0; 32])), "mojito_deliveries_by_fingerprint"),
            (sql(&of_message("e", "m")), "mojito_deliveries_by_message"),
            (sql(&completed_before(1, 2, "h")), "mojito_deliveries_by_version"),
            (sql(&changes_between(1, 1, 3)), "mojito_deliveries_by_version"),
            (sql(&versions(1, "h")), "mojito_deliveries_by_version"),
        ];

        for (query, index) in cases {
            let plan = plan(&query);

            assert!(plan.iter().any(|step| step.contains(index)), "{index}: {plan:?}");
            assert!(!plan.iter().any(|step| step.starts_with("SCAN") || step.contains("B-TREE")), "{plan:?}");
        }
    }
}
