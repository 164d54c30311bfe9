use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::{max, sql};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};
use diesel::sql_types::{Bool, Untyped};

use super::{Connection, RunQueryDsl};
use crate::schema::deliveries::UNDISMISSED;
use crate::schema::seen::seen;
use crate::schema::work::{WAITING_BEHIND, WAITING_FIRST};
use crate::{EndpointFacts, SecretUse, Timestamp, deliveries, work};

/// How many rows each count reads, and how many of the newest deliveries are searched for one of an endpoint.
const MAX_ROWS_READ: i64 = 5_000;

/// Two indexes of work that waits, by their conditions. Each with the column that it begins with: in no order, Postgres
/// would read all that waits, and then take so many.
const WAITING: [(&str, &str); 2] = [(WAITING_FIRST, "handler"), (WAITING_BEHIND, "first_delivery_id")];

/// Every endpoint with its backlog and its senders: those that are configured, and those that something is known of.
pub(crate) async fn endpoints(connection: &mut Connection, configured: &[String]) -> QueryResult<Vec<EndpointFacts>> {
    let mut endpoints = BTreeMap::new();
    for name in configured {
        of(&mut endpoints, name);
    }
    let uses = seen::table.order((seen::endpoint, seen::secret_id)).select(SecretUse::as_select());
    for one in uses.load(connection).await? {
        let endpoint = of(&mut endpoints, &one.endpoint);
        endpoint.last_received = endpoint.last_received.max(Some(one.last_used_at));
        endpoint.uses.push(one);
    }
    let (waiting, has_more) = waiting(connection).await?;
    for (name, came) in waiting {
        let endpoint = of(&mut endpoints, &name);
        endpoint.waiting += 1;
        endpoint.oldest_waiting = endpoint.oldest_waiting.into_iter().chain([came]).min();
    }
    let unread = deliveries::table.filter(sql::<Bool>(UNDISMISSED)).select(deliveries::endpoint);
    let unread: Vec<String> = unread.limit(MAX_ROWS_READ).load(connection).await?;
    let is_cut = has_more || is_full(unread.len());
    for name in unread {
        of(&mut endpoints, &name).quarantined += 1;
    }
    for endpoint in endpoints.values_mut() {
        endpoint.is_cut = is_cut;
        if endpoint.last_received.is_none() {
            endpoint.last_received = newest(connection, &endpoint.name).await?;
        }
    }
    Ok(endpoints.into_values().collect())
}

fn of<'e>(endpoints: &'e mut BTreeMap<String, EndpointFacts>, name: &str) -> &'e mut EndpointFacts {
    let facts = || EndpointFacts { name: name.to_owned(), ..EndpointFacts::default() };
    endpoints.entry(name.to_owned()).or_insert_with(facts)
}

/// The deliveries with waiting work: the endpoint, and the moment at which each came. Also whether there are more than
/// were read.
async fn waiting(connection: &mut Connection) -> QueryResult<(Vec<(String, Timestamp)>, bool)> {
    let (mut ids, mut has_more) = (BTreeSet::new(), false);
    for (condition, order) in WAITING {
        let rows = work::table.filter(sql::<Bool>(condition)).select(work::delivery_id).limit(MAX_ROWS_READ / 2);
        let rows: Vec<i64> = rows.order(sql::<Untyped>(order)).load(connection).await?;
        has_more |= is_full(2 * rows.len());
        ids.extend(rows);
    }
    let waiting = deliveries::table.filter(deliveries::id.eq_any(ids));
    let waiting = waiting.select((deliveries::endpoint, deliveries::received_at)).load(connection).await?;
    Ok((waiting, has_more))
}

fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= MAX_ROWS_READ)
}

/// When the newest delivery of an endpoint came, if it is one of the newest of all. An older version of the program
/// notes no use of a secret.
async fn newest(connection: &mut Connection, endpoint: &str) -> QueryResult<Option<Timestamp>> {
    let last: Option<i64> = deliveries::table.select(max(deliveries::id)).get_result(connection).await?;
    let after = last.unwrap_or_default().saturating_sub(MAX_ROWS_READ);
    let of_endpoint = deliveries::table.filter(deliveries::id.gt(after)).filter(deliveries::endpoint.eq(endpoint));
    let newest = of_endpoint.order(deliveries::id.desc()).select(deliveries::received_at).limit(1);
    newest.get_result(connection).await.optional()
}
