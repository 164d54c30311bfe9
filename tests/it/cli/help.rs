use std::collections::BTreeSet;

use mojito_schema::{Postgres, Sqlite};

use super::Desk;
use crate::checkout::Checkout;
use crate::harness::TestBackend;

/// The commands of this slice, in the order of the help.
const COMMANDS: &[&str] = &[
    "status",
    "doctor",
    "deliveries",
    "work",
    "errors",
    "audit",
    "show",
    "history",
    "replay",
    "rehearse",
    "discard",
    "dismiss",
    "prune",
    "erase",
    "pause",
    "resume",
    "retire",
    "cancel",
    "migrate",
    "copy",
    "drift",
    "trigger",
    "resend",
    "simulate",
    "secret",
    "completions",
    "man",
];

/// The commands that need a host: `sending` runs their examples.
const SENDING: [&str; 3] = ["trigger", "resend", "simulate"];

/// The commands that the help lists.
fn listed(help: &str) -> Vec<String> {
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let words = lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    words.filter(|word| word != "help").collect()
}

/// The words of a line as a shell parts them: blanks part, single quotes hold together.
pub(crate) fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = parts.flat_map(|(index, part)| match index % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

/// Runs the example at the end of each command's help, on one database.
async fn every_example_runs<B: TestBackend>() {
    let desk = Desk::<B>::seeded().await;
    let commands = COMMANDS.iter().filter(|command| !SENDING.contains(command)).map(|command| match *command {
        "secret" => vec!["secret", "new"],
        command => vec![command],
    });

    for command in commands {
        let help = desk.run(&[&command[..], &["--help"]].concat());
        let example = help.out.trim_end().lines().last().and_then(|line| line.strip_prefix("Example: rocket-mojito "));
        let example = words(example.unwrap_or_else(|| panic!("{command:?}: no example: {help:?}")));
        let arguments: Vec<&str> = example.iter().map(String::as_str).collect();

        let ended = desk.run(&arguments);

        let is_fine = match command[0] {
            // A program that stands alone has no handler. The host runs this example.
            "rehearse" => ended.code == 2 && ended.error.contains("`HiringDesk` is not attached in this process"),
            // The guide's test runs it on two databases.
            "copy" => ended.code == 2 && ended.error.contains("`from`: the SQLite file cannot be opened"),
            "doctor" | "drift" => ended.code <= 1 && !ended.out.is_empty(),
            _ => ended.code == 0 && !ended.out.is_empty(),
        };
        assert!(is_fine && arguments.starts_with(&command), "{arguments:?}: {ended:?}");
    }
}

// Shows O30.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_each_command_runs_on_sqlite() {
    every_example_runs::<Sqlite>().await;
}

// Shows O30.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_each_command_runs_on_postgres() {
    every_example_runs::<Postgres>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_lists_the_commands_that_are_there_and_so_does_the_guide() {
    let desk = Desk::<Sqlite>::empty().await;
    let guide = Checkout::read("rocket-mojito/guide/terminal.md");
    let section = guide.split_once("\n## From a terminal\n").unwrap().1.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));

    let help = desk.run(&["--help"]);
    let missing = desk.run(&["rehearsal"]);

    let first_cells = rows.filter_map(|row| row.split(" | ").next());
    let told: BTreeSet<&str> = first_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter_map(|cell| cell.split(' ').next())
        .collect();
    assert_eq!(listed(&help.out), COMMANDS);
    assert_eq!(told, COMMANDS.iter().copied().collect());
    assert_eq!((help.code, missing.code), (0, 2), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_long_and_never_the_same() {
    let desk = Desk::<Sqlite>::empty().await;
    let new = |scheme: &str| desk.run(&["secret", "new", "--scheme", scheme]).out;

    let (one, other, signed) = (new("header"), new("header"), new("standard-webhooks"));

    assert!(one.trim().len() == 64 && one != other, "{one}");
    assert!(signed.starts_with("whsec_"), "{signed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_colour_and_no_bar_without_a_terminal() {
    let desk = Desk::<Sqlite>::seeded().await;

    for ended in [desk.run(&["doctor"]), desk.run(&["status"]), desk.run(&["replay", "--all", "--yes"])] {
        assert!(!ended.out.contains('\u{1b}') && ended.error.is_empty(), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_remedy_is_named() {
    let desk = Desk::<Sqlite>::empty().await;

    let ended = desk.run(&["status"]);

    assert!(ended.code == 2 && ended.error.contains("--database URL"), "{ended:?}");
}
