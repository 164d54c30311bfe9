/// A change of the tables: a folder of SQL that is embedded in the program.
pub(crate) struct Migration {
    /// The folder's name, the same for every backend.
    pub name: &'static str,
    /// Brings the tables forward. Lines that say `-- step` part the SQL into steps.
    ///
    /// SQLite runs all of it in one transaction. Postgres runs each step in a transaction of its own, beside the
    /// version that still runs. A step waits for a lock no longer than a second, then lets everybody else pass and
    /// begins again. So a step locks one table, briefly: a check is added `NOT VALID` in one step, and validated in a
    /// later one. An index on a table that has rows is one statement in a step of its own: `CREATE INDEX CONCURRENTLY
    /// IF NOT EXISTS … ON …`.
    pub up: &'static str,
    /// Takes the tables back, in tests alone: a published migration only goes forward.
    #[cfg(test)]
    pub down: &'static str,
}

/// The migrations of one backend, in order. The folders are named once, here.
macro_rules! migrations {
    ($backend:literal) => {
        migrations!($backend: "0001_create_tables", "0002_add_message_id", "0003_mark_first_of_line",
            "0004_add_clock_readings", "0005_know_handlers", "0006_owe_hook", "0007_mark_promoted",
            "0008_keep_attempts", "0009_watch_actions", "0010_group_errors", "0011_skip_overtaken")
    };
    ($backend:literal: $($name:literal),+) => {
        &[$($crate::engine::migration::Migration {
            name: $name,
            up: include_str!(concat!("../../../migrations/", $backend, "/", $name, "/up.sql")),
            #[cfg(test)]
            down: include_str!(concat!("../../../migrations/", $backend, "/", $name, "/down.sql")),
        }),+]
    };
}

pub(crate) use migrations;

/// The migrations that are not among the recorded ones.
pub(crate) fn missing<'m>(all: &'m [Migration], recorded: &[String]) -> Vec<&'m Migration> {
    all.iter().filter(|migration| !recorded.iter().any(|name| name == migration.name)).collect()
}

/// A part of a migration that is run by itself.
#[cfg(feature = "postgres")]
pub(crate) struct Step {
    /// The migration's name.
    pub migration: &'static str,
    /// The record of the done step: the migration's name after the last step, else the name with a number.
    pub name: String,
    pub sql: &'static str,
}

/// An index that is built while others write.
#[cfg(feature = "postgres")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub name: &'static str,
    pub table: &'static str,
}

#[cfg(feature = "postgres")]
impl Step {
    /// The first step that is still to be done.
    pub fn next(all: &[Migration], recorded: &[String]) -> Option<Self> {
        let mut steps = missing(all, recorded).into_iter().flat_map(Migration::steps);
        steps.find(|step| !recorded.contains(&step.name))
    }

    /// The index that the step builds outside of a transaction, if it builds one.
    pub fn index(&self) -> Option<Index> {
        let statement = self.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let words: Vec<&str> = statement.flat_map(str::split_whitespace).collect();
        let at = words.windows(2).position(|words| words == ["INDEX", "CONCURRENTLY"])?;
        match words[at + 2..] {
            ["IF", "NOT", "EXISTS", name, "ON", table, ..] => Some(Index { name, table }),
            _ => unreachable!("`{}` builds an index in words of its own", self.name),
        }
    }
}

#[cfg(feature = "postgres")]
impl Migration {
    fn steps(&self) -> impl Iterator<Item = Step> + use<> {
        let (migration, up) = (self.name, self.up);
        let last = up.split("\n-- step\n").count();
        up.split("\n-- step\n").zip(1..).map(move |(sql, number)| {
            let name = if number == last { migration.to_owned() } else { format!("{migration}/{number}") };
            Step { migration, name, sql }
        })
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { name: "0001_first", up: "CREATE TABLE a (b INTEGER);", down: "" };
    const SECOND: Migration = Migration {
        name: "0002_second",
        up: "ALTER TABLE a ADD COLUMN c TEXT;\n-- step\n-- Finds CREATE INDEX.\nCREATE UNIQUE INDEX CONCURRENTLY\n  IF \
             NOT EXISTS a_by_c ON a (c);\n-- step\nDROP INDEX a_by_d;\n",
        down: "",
    };

    fn next(recorded: &[&str]) -> Option<Step> {
        let recorded: Vec<String> = recorded.iter().map(|&name| name.to_owned()).collect();
        Step::next(&[FIRST, SECOND], &recorded)
    }

    #[test]
    fn a_migration_goes_on_at_the_step_that_it_was_cut_off_at() {
        let mut recorded = Vec::new();

        let names = std::iter::from_fn(|| {
            let step = next(&recorded.iter().map(String::as_str).collect::<Vec<_>>())?;
            recorded.push(step.name.clone());
            Some(step.name)
        });

        assert_eq!(names.collect::<Vec<_>>(), ["0001_first", "0002_second/1", "0002_second/2", "0002_second"]);
    }

    #[test]
    fn an_index_is_known_by_the_words_that_build_it() {
        let index = |recorded: &[&str]| next(recorded).unwrap().index();

        assert_eq!(index(&["0001_first", "0002_second/1"]), Some(Index { name: "a_by_c", table: "a" }));
        assert_eq!(index(&["0001_first"]), None);
    }
}
