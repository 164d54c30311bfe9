use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, SelectableHelper};
use diesel::sql_types::{Bool, Text};

use super::{Connection, RunQueryDsl, promote};
use crate::{DeliveryRow, Erased, Line, Person, Snapshot, State, Utc, deliveries, results, work};

/// What stands in place of an error text that is erased.
const ERASED: &str = "erased";

pub(crate) async fn bodies(connection: &mut Connection, after_id: i64, limit: i64) -> QueryResult<Vec<DeliveryRow>> {
    deliveries::table
        .filter(deliveries::id.gt(after_id))
        .filter(deliveries::body.is_not_null())
        .order(deliveries::id)
        .limit(limit)
        .select(DeliveryRow::as_select())
        .load(connection)
        .await
}

pub(crate) async fn results_of(connection: &mut Connection, person: &Person) -> QueryResult<Vec<(String, String)>> {
    // No text that is stored holds NUL, and Postgres would refuse the query.
    if person.value().contains('\0') {
        return Ok(Vec::new());
    }
    let keys = results::table.select((results::endpoint, results::id));
    match person {
        Person::ResultId(id) => keys.filter(results::id.eq(id)).load(connection).await,
        Person::ProfileId(id) => keys.filter(results::profile_id.eq(id)).load(connection).await,
        Person::ProfileInterviewId(id) => keys.filter(results::profile_interview_id.eq(id)).load(connection).await,
        Person::ExternalId(id) => keys.filter(results::candidate_external_id.eq(id)).load(connection).await,
        Person::Email(address) => {
            keys.filter(sql::<Bool>("lower(candidate_email) = lower(").bind::<Text, _>(address).sql(")"))
                .load(connection)
                .await
        }
    }
}

pub(crate) async fn erase_result(
    connection: &mut Connection,
    endpoint: &str,
    id: &str,
    now: Utc,
) -> QueryResult<Erased> {
    let tombstone = diesel::update(results::table.find((endpoint, id)).filter(results::erased_at.is_null()))
        .set((Snapshot::empty(), results::erased_at.eq(now), results::updated_at.eq(now)))
        .execute(connection)
        .await?;
    let named = deliveries::table.filter(deliveries::endpoint.eq(endpoint)).filter(deliveries::result_id.eq(id));
    let quarantined =
        diesel::update(named.filter(deliveries::first_delivery_id.is_null()).filter(deliveries::body.is_not_null()))
            .set(deliveries::body.eq(None::<Vec<u8>>))
            .execute(connection)
            .await?;
    let first = results::table.find((endpoint, id)).select(results::first_delivery_id);
    let Some(first) = first.get_result::<i64>(connection).await.optional()? else {
        return Ok(Erased { bodies: quarantined as u64, ..Erased::default() });
    };
    let of_result = deliveries::table.filter(deliveries::first_delivery_id.eq(first));
    let bodies = diesel::update(of_result.filter(deliveries::body.is_not_null()))
        .set(deliveries::body.eq(None::<Vec<u8>>))
        .execute(connection)
        .await?;
    let of_result = work::table.filter(work::first_delivery_id.eq(first));
    let errors = diesel::update(of_result.filter(work::last_error.is_not_null()))
        .set(work::last_error.eq(None::<String>))
        .execute(connection)
        .await?;
    // What runs at this moment fails at its fence: its state is not `running` any more.
    let given_up = diesel::update(of_result.filter(work::finished_at.is_null()))
        .set((
            work::state.eq(State::Discarded),
            work::due_at.eq(None::<Utc>),
            work::lease_until.eq(None::<Utc>),
            work::finished_at.eq(now),
            work::last_error.eq(ERASED),
            work::is_first.eq(false),
        ))
        .execute(connection)
        .await?;
    promote_all(connection, first).await?;
    let bodies = bodies + quarantined;
    Ok(Erased { results: tombstone as u64, bodies: bodies as u64, work: given_up as u64, errors: errors as u64 })
}

/// Somebody may have made work wait again meanwhile: it is the first of its line then, and ends where its body is missed.
async fn promote_all(connection: &mut Connection, first_delivery_id: i64) -> QueryResult<()> {
    let of_result = work::table.filter(work::first_delivery_id.eq(first_delivery_id));
    // By the delivery too: so it is found by a key.
    let first = of_result.filter(work::delivery_id.ge(first_delivery_id));
    let handlers: Vec<String> = first.select(work::handler).distinct().order(work::handler).load(connection).await?;
    for handler in handlers {
        promote(connection, &Line { first_delivery_id, handler }).await?;
    }
    Ok(())
}

pub(crate) async fn erase_body(connection: &mut Connection, delivery_id: i64) -> QueryResult<Erased> {
    let row = deliveries::table.find(delivery_id).filter(deliveries::body.is_not_null());
    let bodies = diesel::update(row).set(deliveries::body.eq(None::<Vec<u8>>)).execute(connection).await?;
    Ok(Erased { bodies: bodies as u64, ..Erased::default() })
}
