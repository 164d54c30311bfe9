use diesel::prelude::{QueryDsl, QueryResult};

use super::{Connection, RunQueryDsl, promote, skip_overtaken};
use crate::schema::line::{finished_firsts, without_first};
use crate::{Line, Timestamp, work};

/// The most lines that one sweep mends.
const MAX_LINES: i64 = 100;

/// Lines whose first is still to be promoted. There are none, unless a process died or a program broke the rule.
pub(crate) async fn lines_without_first(connection: &mut Connection) -> QueryResult<Vec<Line>> {
    let line = (work::first_delivery_id, work::handler);
    let mut lines: Vec<Line> = finished_firsts().select(line).limit(MAX_LINES).load(connection).await?;
    lines.extend(without_first().select(line).limit(MAX_LINES).load::<Line>(connection).await?);
    lines.sort();
    lines.dedup();
    Ok(lines)
}

/// Promotes within each of these lines, in their order. Gives back the number of lines in which a row was promoted.
pub(crate) async fn promote_lines(connection: &mut Connection, lines: &[Line]) -> QueryResult<u64> {
    let mut promoted = 0;
    for line in lines {
        promoted += u64::from(promote(connection, line).await?);
    }
    Ok(promoted)
}

/// Ends the overtaken work of these lines, and promotes in them. Each transaction that has had waiting work locked owes
/// this to its lines: the others have passed over what was locked.
pub(crate) async fn skip_overtaken_in(
    connection: &mut Connection,
    mut lines: Vec<Line>,
    now: Timestamp,
) -> QueryResult<()> {
    lines.sort();
    lines.dedup();
    for line in &lines {
        skip_overtaken(connection, line, None, now).await?;
    }
    Ok(())
}
