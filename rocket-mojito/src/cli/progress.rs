use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rocket::tokio;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::{Error, Inbox};

/// The interval between two looks at the audit.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Waits for an action, with a bar on a terminal, until Ctrl-C. The action's row in the audit tells how far it has come.
///
/// `Err(Exit)` is a cancelled action: its steps so far stay, and stand in the audit.
pub(super) async fn watched<R>(
    inbox: &Inbox,
    output: &Output,
    planned: u64,
    action: impl Future<Output = Result<R, Error>>,
) -> Result<Result<R, Exit>, Failure> {
    let bar = if output.has_bar() { ProgressBar::new(planned) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    let mut action = std::pin::pin!(action);
    loop {
        tokio::select! {
            done = &mut action => {
                bar.finish_and_clear();
                return Ok(Ok(done?));
            }
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                output.note("cancelled: the steps so far stay, and stand in the audit")?;
                return Ok(Err(Exit::Cancelled));
            }
            () = tokio::time::sleep(LOOK_INTERVAL), if !bar.is_hidden() => {
                if let Ok(rows) = inbox.audit(None, 1).await {
                    bar.set_position(rows.first().map_or(0, |row| row.affected.unsigned_abs()));
                }
            }
        }
    }
}
