use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// The content of the host's tables at one moment.
#[derive(Clone)]
pub(super) struct Snapshot(BTreeMap<String, Vec<Map<String, Value>>>);

/// The columns whose values differ between two undisturbed runs: times, random values, values of sequences.
#[derive(Default)]
pub(super) struct Volatile(BTreeSet<(String, String)>);

/// The rows of a table, each without its volatile columns, with their count.
type Rows = BTreeMap<String, usize>;

impl Snapshot {
    /// The snapshot of these tables, each by name with its rows as JSON objects.
    pub fn new(tables: Vec<(String, Vec<String>)>) -> Self {
        let read = |rows: Vec<String>| rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
        Self(tables.into_iter().map(|(name, rows)| (name, read(rows))).collect())
    }

    /// The names of all tables in either snapshot.
    fn tables<'a>(&'a self, other: &'a Self) -> BTreeSet<&'a String> {
        self.0.keys().chain(other.0.keys()).collect()
    }

    /// The number of rows of a table.
    pub fn count(&self, table: &str) -> usize {
        self.0.get(table).map_or(0, Vec::len)
    }

    /// The columns that differ from those of another undisturbed run.
    pub fn volatile(&self, other: &Self) -> Volatile {
        let mut volatile = BTreeSet::new();
        for table in self.tables(other) {
            let columns = self.rows(table).chain(other.rows(table)).flat_map(Map::keys);
            let columns: BTreeSet<&String> = columns.collect();
            for column in columns {
                let values = |snapshot: &Self| {
                    let mut values: Vec<String> = snapshot.rows(table).map(|row| row[column].to_string()).collect();
                    values.sort_unstable();
                    values
                };
                if values(self) != values(other) {
                    volatile.insert((table.clone(), column.clone()));
                }
            }
        }
        Volatile(volatile)
    }

    /// The tables whose rows differ from those of an undisturbed run. Without `is_exact`, only a larger number of rows
    /// counts.
    pub fn differences(&self, undisturbed: &Self, volatile: &Volatile, is_exact: bool) -> Vec<String> {
        let differs = |table: &&String| {
            let (found, expected) = (self.counted(table, volatile), undisturbed.counted(table, volatile));
            if is_exact { found != expected } else { self.count(table) > undisturbed.count(table) }
        };
        self.tables(undisturbed).into_iter().filter(differs).cloned().collect()
    }

    fn rows(&self, table: &str) -> impl Iterator<Item = &Map<String, Value>> {
        self.0.get(table).into_iter().flatten()
    }

    fn counted(&self, table: &str, volatile: &Volatile) -> Rows {
        let mut counted = Rows::new();
        for row in self.rows(table) {
            let is_stable = |column: &String| !volatile.0.contains(&(table.to_owned(), column.clone()));
            let stable: Vec<_> = row.iter().filter(|(column, _)| is_stable(column)).collect();
            *counted.entry(format!("{stable:?}")).or_default() += 1;
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(rows: &[&str]) -> Snapshot {
        let rows = rows.iter().map(|row| (*row).to_owned()).collect();
        Snapshot::new(vec![("offers".to_owned(), rows)])
    }

    #[test]
    fn a_column_that_no_two_runs_have_in_common_is_not_compared() {
        let once = snapshot(&[r#"{"id":"1","made_at":"10:00","name":"a"}"#]);
        let again = snapshot(&[r#"{"id":"1","made_at":"10:01","name":"a"}"#]);
        let twice = snapshot(&[r#"{"id":"1","made_at":"x","name":"a"}"#, r#"{"id":"2","made_at":"y","name":"a"}"#]);
        let renamed = snapshot(&[r#"{"id":"1","made_at":"x","name":"b"}"#]);
        let volatile = once.volatile(&again);

        assert_eq!(again.differences(&once, &volatile, true), [""; 0]);
        assert_eq!(twice.differences(&once, &volatile, true), ["offers"]);
        assert_eq!(renamed.differences(&once, &volatile, true), ["offers"]);
        assert_eq!(renamed.differences(&once, &volatile, false), [""; 0]);
        assert_eq!(twice.differences(&once, &volatile, false), ["offers"]);
        assert_eq!(snapshot(&[]).differences(&once, &volatile, true), ["offers"]);
        assert_eq!(snapshot(&[]).differences(&once, &volatile, false), [""; 0]);
    }
}
