use diesel::prelude::{QueryDsl, QueryResult, SelectableHelper};
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::WorkRow;
use crate::tables::work::leased;

/// The work that runs, but for what an attempt has its transaction open on.
///
/// That is locked since its fence, for as long as the handler takes. A keeper that waited for it would let every other
/// lease lapse; and it is safe without: only its own end, or that of its session, gives the row free.
pub(super) async fn running(connection: &mut Connection) -> QueryResult<Vec<WorkRow>> {
    leased().for_update().skip_locked().select(WorkRow::as_select()).load(connection).await
}
