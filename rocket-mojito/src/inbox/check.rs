use std::time::Duration;

use mojito_schema::{Backlog, Facts, KnownHandler, Overview, Timestamp};

use super::Inbox;
use crate::Error;
use crate::store::Unavailable;

/// How far two clocks may be apart before it counts.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// One promise, and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The name of the promise: one word.
    pub promise: &'static str,
    /// Whether it holds.
    pub verdict: Verdict,
    /// The finding as a sentence, with the remedy where one is needed. It holds no personal data.
    pub finding: String,
}

/// Whether a promise holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It holds, or it is a fact that needs no action.
    Fine,
    /// A person should look at it.
    Warning,
    /// It does not hold.
    Broken,
}

impl Verdict {
    /// The word of the verdict.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

impl Inbox {
    /// Checks the promises on this database, one by one.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn check(&self) -> Result<Vec<Check>, Error> {
        let refused = |error| Error::database("databases.mojito.url", error);
        let unavailable = |_: Unavailable| Error::unavailable("the check");
        let looked = self.operations.run(async move |operations| {
            Ok((operations.facts().await?, operations.inspect().await, operations.pending_migrations().await))
        });
        let (facts, inspected, pending) = looked.await.map_err(unavailable)?;
        let pending = pending.map_err(refused)?;
        let mut checks = vec![version(&facts), durable(inspected), standby(&facts)];
        checks.push(migrations(&pending));
        if pending.is_empty() {
            let overview = self.overview().await?;
            checks.push(clock(facts.now, &overview));
            checks.push(handlers(&self.handlers().await?));
            checks.extend(backlog(&self.backlog().await?, &overview));
        }
        Ok(checks)
    }
}

fn check(promise: &'static str, verdict: Verdict, finding: impl Into<String>) -> Check {
    Check { promise, verdict, finding: finding.into() }
}

fn warned(is_fine: bool) -> Verdict {
    if is_fine { Verdict::Fine } else { Verdict::Warning }
}

fn version(facts: &Facts) -> Check {
    check("version", Verdict::Fine, format!("{}, rocket-mojito {}", facts.version, env!("CARGO_PKG_VERSION")))
}

fn durable(inspected: Result<(), mojito_schema::OpenError>) -> Check {
    match inspected {
        Ok(()) => check("durable", Verdict::Fine, "what is acknowledged survives kill -9 and a power cut"),
        Err(error) => check("durable", Verdict::Broken, error.to_string()),
    }
}

/// The loss of the server is a fact, and no fault.
fn standby(facts: &Facts) -> Check {
    let finding = match facts.has_standby {
        Some(true) => "every commit waits for a synchronous standby: the loss of the server loses nothing",
        Some(false) => "no synchronous standby is named: the loss of the server loses deliveries",
        None => "the database is one file: the loss of its disk loses deliveries",
    };
    check("standby", Verdict::Fine, finding)
}

fn migrations(pending: &[String]) -> Check {
    if pending.is_empty() {
        check("migrations", Verdict::Fine, "all have run")
    } else {
        let finding = format!("`{}` have not run: run `migrate`, or launch a host", pending.join("`, `"));
        check("migrations", Verdict::Broken, finding)
    }
}

/// The clock of this process against the server's, or against the newest delivery.
fn clock(server: Option<Timestamp>, overview: &Overview) -> Check {
    let (here, tolerance) = (Timestamp::now(), CLOCK_TOLERANCE);
    if let Some(server) = server
        && (server > here.after(tolerance) || server < here.before(tolerance))
    {
        return check("clock", Verdict::Warning, "this machine's clock is more than 5 s from the server's: set it");
    }
    if overview.last_received.is_some_and(|received| received > here.after(tolerance)) {
        return check("clock", Verdict::Warning, "the newest delivery came in the future: a clock was, or is, wrong");
    }
    check("clock", Verdict::Fine, "no contradiction")
}

fn handlers(known: &[KnownHandler]) -> Check {
    let gone = known.iter().filter(|handler| !handler.is_attached && handler.retired_at.is_none());
    let gone: Vec<&str> = gone.map(|handler| handler.name.as_str()).collect();
    if gone.is_empty() {
        check("handlers", Verdict::Fine, format!("{} known, each attached or retired", known.len()))
    } else {
        let finding = format!("no living process has attached `{}`: start its host, or retire it", gone.join("`, `"));
        check("handlers", Verdict::Warning, finding)
    }
}

fn backlog(backlog: &Backlog, overview: &Overview) -> [Check; 4] {
    let Backlog { waiting, overdue, discarded, quarantined, .. } = *backlog;
    let since = overview.oldest_due.map(|due| format!(", the oldest since {due}")).unwrap_or_default();
    let received = match overview.last_received {
        Some(received) => format!("the newest delivery came at {received}"),
        None => "no delivery has come yet".to_owned(),
    };
    [
        check("backlog", warned(overdue == 0), format!("{waiting} wait, {overdue} are overdue{since}")),
        check(
            "dead",
            warned(discarded == 0),
            format!("{discarded} were given up: replay them once the cause is mended, or dismiss them"),
        ),
        check(
            "quarantine",
            warned(quarantined == 0),
            format!("{quarantined} deliveries were not understood, and wait for a replay or a dismissal"),
        ),
        check("received", Verdict::Fine, received),
    ]
}
