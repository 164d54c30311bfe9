/// A step in the life of the tables: a folder of SQL that is embedded in the program.
pub(crate) struct Migration {
    /// The folder's name, the same for every backend.
    pub name: &'static str,
    /// Brings the tables a step forward.
    pub up: &'static str,
    /// Takes them back, in tests alone: what is published only goes forward.
    #[cfg(test)]
    pub down: &'static str,
}

/// The migrations of one backend, in order. The folders are named once, here.
macro_rules! migrations {
    ($backend:literal) => {
        migrations!($backend: "0001_create_tables", "0002_add_message_id", "0003_mark_first_of_line")
    };
    ($backend:literal: $($name:literal),+) => {
        &[$($crate::migration::Migration {
            name: $name,
            up: include_str!(concat!("../../migrations/", $backend, "/", $name, "/up.sql")),
            #[cfg(test)]
            down: include_str!(concat!("../../migrations/", $backend, "/", $name, "/down.sql")),
        }),+]
    };
}

pub(crate) use migrations;

/// The migrations that are not among those that have run.
pub(crate) fn missing<'m>(all: &'m [Migration], recorded: &[String]) -> Vec<&'m Migration> {
    all.iter().filter(|migration| !recorded.iter().any(|name| name == migration.name)).collect()
}
