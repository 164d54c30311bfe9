use std::collections::BTreeMap;

use diesel::result::Error;
use tokio::sync::mpsc;

use crate::engine::db_error::{fault, is_unknown};
use crate::engine::migration::{Migration, missing};
use crate::engine::postgres::target::CopyTarget;
use crate::engine::sqlite::source::CopySource;
use crate::{NewAudit, OpenError, Timestamp, failpoint};

/// Why a copy was not made, by the database that is to blame.
#[derive(Debug)]
pub enum CopyError {
    /// The copied one.
    From(OpenError),
    /// The one that it was to be copied into.
    To(OpenError),
}

/// Copies every row of every table, as it is, with its id. Leases alone end: their processes are gone. New ids come after
/// every id that the source has given out.
///
/// The copy is one transaction of the target, so nobody works on a part of it. `progress` is told the number of rows so
/// far.
///
/// # Errors
///
/// When a database fails, or the target counts other rows than the source. Then nothing is copied, unless the error says
/// that the outcome is unknown.
///
/// # Cancellation
///
/// Nothing is copied.
pub async fn copy(
    source: CopySource,
    mut target: CopyTarget,
    audit: NewAudit,
    progress: impl FnMut(u64) + Send,
) -> Result<(), CopyError> {
    let now = target.begin().await.map_err(CopyError::To)?;
    let filled = fill(source, &mut target, now, audit, progress).await;
    let outcome = match &filled {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::RollbackTransaction),
    };
    match (filled, target.end(outcome).await) {
        (Ok(()), Err(error)) if is_unknown(&error) => Err(CopyError::To(OpenError::new(
            "the connection was lost at the end, and the outcome is unknown: the database has the whole copy or nothing \
             of it. Copy again: a database that has it refuses",
        ))),
        (Ok(()), ended) => ended.map_err(not_written),
        (Err(error), _) => Err(error),
    }
}

async fn fill(
    source: CopySource,
    target: &mut CopyTarget,
    now: Timestamp,
    audit: NewAudit,
    mut progress: impl FnMut(u64) + Send,
) -> Result<(), CopyError> {
    let (tables, last_ids) = (source.tables().to_vec(), source.last_ids().to_vec());
    let (sender, mut steps) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || source.read(|rows| sender.blocking_send(rows).is_ok()));
    let (mut copied, mut sum) = (BTreeMap::new(), 0);
    while let Some(mut rows) = steps.recv().await {
        failpoint::reach("copy.step");
        let table = rows.table();
        rows.lapse(now);
        let added = rows.add(target.connection()).await.map_err(not_written)? as u64;
        *copied.entry(table).or_insert(0) += added;
        sum += added;
        progress(sum);
    }
    // The file is closed then.
    match reading.await {
        Ok(read) => read.map_err(|error| CopyError::From(OpenError::new(not_read(&error))))?,
        Err(_) => return Err(CopyError::From(OpenError::new("reading the SQLite file has panicked"))),
    }
    for (table, rows) in tables {
        let added = copied.remove(table).unwrap_or(0);
        if added != rows {
            let counts = format!("`{table}` has {rows} rows in the SQLite file, and {added} in the copy");
            return Err(CopyError::To(OpenError::new(format!("the copy was not made: {counts}"))));
        }
    }
    target.finish(&last_ids, &audit, sum).await.map_err(not_written)
}

/// The message quotes nothing of a row.
fn not_written(error: Error) -> CopyError {
    CopyError::To(OpenError::new(format!("the copy was not made, and nothing of it is kept: {}", fault(&error))))
}

/// Why a file cannot be read, without a word of a row.
pub(crate) fn not_read(error: &Error) -> String {
    format!("the SQLite file cannot be read: {}", fault(error))
}

/// Refuses tables that are not those of this program, older or newer: then both databases have the same.
pub(crate) fn check_migrations(all: &[Migration], recorded: &[String]) -> Result<(), OpenError> {
    let pending: Vec<&str> = missing(all, recorded).iter().map(|one| one.name).collect();
    if !pending.is_empty() {
        let pending = pending.join("`, `");
        return Err(OpenError::new(format!("the migrations `{pending}` have not run: run `migrate` on it")));
    }
    match recorded.iter().find(|name| !all.iter().any(|one| one.name == name.as_str())) {
        None => Ok(()),
        Some(name) => Err(OpenError::new(format!(
            "the migration `{name}` is of a newer version than this program: copy with that version's program"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_an_older_and_of_a_newer_version_are_refused_by_name() {
        let all = [Migration { name: "0001_a", up: "", down: "" }, Migration { name: "0002_b", up: "", down: "" }];
        let refusal = |recorded: &[&str]| {
            let recorded: Vec<String> = recorded.iter().map(|&name| name.to_owned()).collect();
            check_migrations(&all, &recorded).map_err(|error| error.to_string())
        };

        let (older, newer) = (refusal(&["0001_a"]), refusal(&["0001_a", "0002_b", "0003_c"]));

        assert_eq!(refusal(&["0001_a", "0002_b"]), Ok(()));
        assert!(older.unwrap_err().contains("`0002_b` have not run"));
        assert!(newer.unwrap_err().contains("`0003_c` is of a newer version"));
    }
}
