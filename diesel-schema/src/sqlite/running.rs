use diesel::prelude::{QueryDsl, QueryResult, SelectableHelper};

use super::{Connection, RunQueryDsl};
use crate::WorkRow;
use crate::tables::work::leased;

/// The work that runs. Nobody else can be writing.
pub(super) async fn running(connection: &mut Connection) -> QueryResult<Vec<WorkRow>> {
    leased().select(WorkRow::as_select()).load(connection).await
}
