use diesel::prelude::{ExpressionMethods, QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl};
use crate::SecretUse;
use crate::schema::seen::seen;

/// Notes when secrets were used. A later note of another process stays.
pub(crate) async fn note_uses(connection: &mut Connection, mut uses: Vec<SecretUse>) -> QueryResult<()> {
    // In one order: two processes that note the same secrets must not wait for each other.
    uses.sort();
    for one in uses {
        let earlier = seen::table.find((&one.endpoint, &one.secret_id)).filter(seen::last_used_at.lt(one.last_used_at));
        let used = seen::last_used_at.eq(one.last_used_at);
        if diesel::update(earlier).set(used).execute(connection).await? == 0 {
            diesel::insert_into(seen::table).values(&one).on_conflict_do_nothing().execute(connection).await?;
        }
    }
    Ok(())
}
