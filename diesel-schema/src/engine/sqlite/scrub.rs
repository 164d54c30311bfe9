use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::checkpoint;
use crate::Undone;

/// The largest file that is rewritten: nobody else writes meanwhile, and a delivery waits for less than `ack_deadline`.
const MAX_VACUUM_BYTES: i64 = 64 << 20;

/// Whether the file is small enough, and no table would be given other row ids. SQLite renumbers the rows of a table
/// that has neither an `INTEGER PRIMARY KEY` nor an index, and a host may refer to them:
/// <https://www.sqlite.org/lang_vacuum.html>.
const MAY_VACUUM: &str = "
    (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) <= ";
const KEEPS_ROW_IDS: &str = "
    NOT EXISTS (
        SELECT 1 FROM pragma_table_list AS t
        WHERE t.schema = 'main' AND t.type = 'table' AND t.wr = 0 AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!'
            AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name))
            AND NOT EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE pk = 1 AND upper(type) = 'INTEGER')
    )";

/// Makes removed data disappear from the files.
///
/// `secure_delete` overwrites freed space, except for copies that SQLite left behind where it once moved rows from page
/// to page. Only a rewrite reaches those copies. The WAL is emptied last: it holds all earlier writes.
pub(super) fn scrub(connection: &mut SqliteConnection) -> QueryResult<Vec<Undone>> {
    let mut undone = Vec::new();
    if !vacuum(connection)? {
        undone.push(Undone::Vacuum);
    }
    if !checkpoint::truncate(connection)? {
        undone.push(Undone::Reader);
    }
    Ok(undone)
}

/// Rewrites the file. Gives back whether it was rewritten.
fn vacuum(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let may_vacuum = sql::<Bool>(&format!("{MAY_VACUUM} {MAX_VACUUM_BYTES} AND {KEEPS_ROW_IDS}"));
    if !diesel::select(may_vacuum).get_result::<bool>(connection)? {
        return Ok(false);
    }
    // In memory the copy would take as much as the file.
    connection.batch_execute("PRAGMA temp_store = FILE")?;
    let vacuumed = connection.batch_execute("VACUUM");
    connection.batch_execute("PRAGMA temp_store = MEMORY")?;
    // Another writer, or a full disk, was in the way: the file is as it was.
    Ok(vacuumed.is_ok())
}
