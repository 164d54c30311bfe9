use diesel::prelude::QueryResult;

use super::{Connection, RunQueryDsl};
use crate::Claim;
use crate::schema::versions::changes_between;

/// Adds the changes of each version since the former one to a claim, where versions lie between the two.
pub(crate) async fn add_changes(connection: &mut Connection, claim: &mut Claim) -> QueryResult<()> {
    let (Some(former), Some(version)) = (claim.former_version, claim.delivery.version) else { return Ok(()) };
    if former + 1 < version {
        let changes = changes_between(claim.ticket.first_delivery_id, former, version);
        claim.changes_since = changes.load(connection).await?;
    }
    Ok(())
}
