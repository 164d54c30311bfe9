use std::collections::BTreeMap;

use clap::Args;
use rocket::serde::Serialize;
use rocket::tokio;

use super::alone::path;
use super::consent::{Consent, DoneDocument, PlanDocument};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::progress::bar;
use crate::{Actor, CopiedTable, InboxCopy};

#[derive(Args)]
pub(super) struct Copy {
    /// The SQLite file, which no process has open
    #[arg(long, value_name = "FILE")]
    from: String,
    /// The new database: postgres://…
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    consent: Consent,
}

/// The numbers of rows, by table.
#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct Tables {
    tables: BTreeMap<&'static str, u64>,
}

impl Tables {
    fn new(tables: &[CopiedTable]) -> Self {
        Self { tables: tables.iter().map(|table| (table.name, table.rows)).collect() }
    }
}

impl Copy {
    pub(super) async fn run(self, output: &Output, actor: Actor) -> Result<Exit, Failure> {
        let copy = InboxCopy::open(path(&self.from), &self.to).await?;
        let tables = copy.tables();
        let rows: u64 = tables.iter().map(|table| table.rows).sum();
        let sentence =
            format!("copy of {rows} rows in {} tables, all or nothing; the file stays as it is", tables.len());
        let plan = PlanDocument { action: "copy", plan: Tables::new(&tables) };
        if let Some(exit) = self.consent.ask(output, &plan, &sentence, rows == 0)? {
            return Ok(exit);
        }
        let bar = bar(output, rows);
        let copied = tokio::select! {
            copied = copy.run(actor, |rows| bar.set_position(rows)) => copied,
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                output.note("cancelled: nothing was copied")?;
                return Ok(Exit::Cancelled);
            }
        };
        bar.finish_and_clear();
        let copied = copied?;
        output.table(&["table", "rows"], &tables, |table| vec![table.name.to_owned(), table.rows.to_string()])?;
        let done = DoneDocument { action: "copy", done: Tables::new(&tables) };
        output.answer(&done, || {
            vec![format!(
                "done: {copied} rows were copied, as many as the file has in each table; now move the file away, so that \
                 no host starts on it again"
            )]
        })?;
        Ok(Exit::Done)
    }
}
