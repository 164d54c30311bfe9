use clap::Args;
use rocket::serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::Inbox;

#[derive(Args)]
pub(super) struct Migrate {}

#[derive(Serialize)]
#[serde(crate = "rocket::serde")]
struct MigrationDocument {
    migration: String,
}

impl Migrate {
    pub(super) async fn run(self, inbox: &Inbox, output: &Output) -> Result<Exit, Failure> {
        let pending = inbox.pending_migrations().await?;
        inbox.migrate().await?;
        if pending.is_empty() {
            output.note("every migration had run already")?;
        }
        for migration in pending {
            let document = MigrationDocument { migration };
            output.answer(&document, || vec![format!("ran {}", document.migration)])?;
        }
        Ok(Exit::Done)
    }
}
