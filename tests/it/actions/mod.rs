//! Operators' actions beside running hosts: pauses that hold in every process, and actions that any process may watch,
//! cancel and take over.

mod discards;
mod pauses;
mod running;

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::harness::{Database, PostgresDatabase, TestDatabase};

/// The command line on a database.
fn command_line(database: &impl TestDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-line"));
    command.args(arguments).args(["--database", &database.url(), "--json"]);
    command.env_clear().env("USER", "anna").current_dir(database.folder()).stdin(Stdio::null());
    command
}

/// Runs the command line on a database to its end, which has to be a good one.
#[track_caller]
fn run(database: &impl TestDatabase, arguments: &[&str]) -> String {
    let output = command_line(database, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn on_sqlite() -> Arc<Database> {
    Arc::new(Database::with_effects())
}

pub(crate) async fn on_postgres() -> PostgresDatabase {
    PostgresDatabase::shared().await
}

/// A test for each of these functions and each database that processes work on.
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&crate::actions::on_sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&crate::actions::on_postgres().await).await;
            })+
        }
    };
}

pub(crate) use on_each_database;
