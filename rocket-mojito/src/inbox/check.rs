use std::time::Duration;

use mojito_schema::{Backlog, Facts, KnownHandler, Overview, Timestamp};

use super::{EndpointState, Inbox};
use crate::Error;
use crate::store::Unavailable;

/// How far two clocks may be apart before it counts.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5);

/// For how long a secret may be unused, while others of its endpoint are used, before it counts.
const UNUSED_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

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
        let mut checks = vec![version(&facts), durable(inspected), standby(&facts, self.settings.requires_standby)];
        checks.push(migrations(&pending));
        if pending.is_empty() {
            let overview = self.overview().await?;
            checks.push(clock(facts.now, &overview));
            checks.extend(self.endpoints().await?.iter().map(|endpoint| secrets_of(endpoint, Timestamp::now())));
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

/// The loss of the server is a fact, and no fault, unless a standby is required.
fn standby(facts: &Facts, is_required: bool) -> Check {
    let finding = match facts.has_standby {
        Some(true) => "every commit waits for a synchronous standby: the loss of the server loses nothing",
        Some(false) => "no synchronous standby is named: the loss of the server loses deliveries",
        None => "the database is one file: the loss of its disk loses deliveries",
    };
    if is_required && facts.has_standby != Some(true) {
        let remedy = "`mojito.require_standby` is set: name a synchronous standby in `synchronous_standby_names`";
        return check("standby", Verdict::Broken, format!("{finding}. {remedy}"));
    }
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

/// The secrets of an endpoint: a secret that nobody uses any more is only of use to a thief.
fn secrets_of(endpoint: &EndpointState, now: Timestamp) -> Check {
    let unused = now.before(UNUSED_AFTER);
    let is_used = endpoint.secrets.iter().any(|secret| secret.last_used_at.is_some_and(|at| at >= unused));
    let (mut told, mut idle) = (Vec::new(), Vec::new());
    for secret in &endpoint.secrets {
        let is_gone = secret.is_configured == Some(false);
        let id = &secret.id;
        told.push(match secret.last_used_at {
            Some(at) if is_gone => format!("`{id}`, removed, was last used at {at}"),
            Some(at) => format!("`{id}` was last used at {at}"),
            None => format!("`{id}` was never used"),
        });
        if is_used && !is_gone && secret.last_used_at.is_some_and(|at| at < unused) {
            idle.push(id.as_str());
        }
    }
    let received =
        endpoint.last_received.map_or_else(|| "nothing came yet".to_owned(), |at| format!("the last came at {at}"));
    let mut finding = format!("`{}`: {received}; {}", endpoint.name, told.join(", "));
    if told.is_empty() {
        finding = format!("`{}`: {received}", endpoint.name);
    }
    if !idle.is_empty() {
        finding = format!("{finding}: remove `{}`, which is not used any more", idle.join("`, `"));
    }
    check("secrets", warned(idle.is_empty()), finding)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretState;

    #[test]
    fn a_secret_that_is_not_used_any_more_is_named() {
        let now = Timestamp::from_rfc3339("2026-11-23T10:00:00Z").expect("it is one");
        let days = |days: u64| Some(now.before(Duration::from_secs(days * 24 * 3600)));
        let secret =
            |id: &str, last_used_at, is_configured| SecretState { id: id.to_owned(), last_used_at, is_configured };
        let of = |secrets| {
            let (name, last_received) = ("default".to_owned(), days(1));
            let (waiting, quarantined, oldest_waiting, is_cut) = (0, 0, None, false);
            let state = EndpointState { name, waiting, oldest_waiting, quarantined, is_cut, last_received, secrets };
            secrets_of(&state, now)
        };

        let rotated = of(vec![
            secret("new", days(1), Some(true)),
            secret("next", None, Some(true)),
            secret("old", days(31), Some(true)),
            secret("oldest", days(400), Some(false)),
        ]);
        let unknown = of(vec![secret("old", days(31), None)]);

        assert_eq!(rotated.verdict, Verdict::Warning);
        assert!(rotated.finding.ends_with("remove `old`, which is not used any more"), "{rotated:?}");
        assert!(rotated.finding.contains("`next` was never used"), "{rotated:?}");
        assert!(rotated.finding.contains("`oldest`, removed, was last used at 2025-10-19"), "{rotated:?}");
        assert_eq!(unknown.verdict, Verdict::Fine, "no other secret is used either");
    }
}
