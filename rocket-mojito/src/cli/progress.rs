use std::future::Future;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use rocket::tokio;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::inbox::Started;
use crate::{Error, Inbox};

/// The interval between two looks at the audit.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// A bar over so many rows, which is hidden without a terminal.
pub(super) fn bar(output: &Output, planned: u64) -> ProgressBar {
    let bar = if output.has_bar() { ProgressBar::new(planned) } else { ProgressBar::hidden() };
    match ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Waits for an action, with a bar on a terminal. Its row in the audit tells how far it has come. Ctrl-C cancels it, as
/// another process can.
///
/// `Err(Exit)` is a cancelled action: its steps so far stay, and stand in the audit.
pub(super) async fn watched<R: Send + 'static>(
    inbox: &Inbox,
    output: &Output,
    planned: u64,
    action: impl Future<Output = Result<Started<R>, Error>>,
) -> Result<Result<R, Exit>, Failure> {
    let bar = bar(output, planned);
    let (mut action, mut is_interrupted) = (std::pin::pin!(action), false);
    // An action that is about to begin has to be known before it can be cancelled: else a host would take it over.
    let started = loop {
        tokio::select! {
            started = &mut action => break started?,
            _ = tokio::signal::ctrl_c() => is_interrupted = true,
        }
    };
    let id = started.id();
    let mut outcome = std::pin::pin!(started.outcome());
    loop {
        if is_interrupted && let Some(id) = id {
            inbox.cancel(id).await?;
            is_interrupted = false;
        }
        tokio::select! {
            done = &mut outcome => {
                bar.finish_and_clear();
                return match done {
                    Ok(done) => Ok(Ok(done)),
                    Err(error) if error.is_cancelled() => {
                        output.note("cancelled: the steps so far stay, and stand in the audit")?;
                        Ok(Err(Exit::Cancelled))
                    }
                    Err(error) => Err(error.into()),
                };
            }
            _ = tokio::signal::ctrl_c() => is_interrupted = true,
            () = tokio::time::sleep(LOOK_INTERVAL), if !bar.is_hidden() => {
                if let Some(id) = id && let Ok(Some(row)) = inbox.action(id).await {
                    bar.set_position(row.affected.unsigned_abs());
                }
            }
        }
    }
}
