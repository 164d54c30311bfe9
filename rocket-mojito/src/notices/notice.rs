use tracing::Level;

use super::line::Line;

/// Every log line of a running host. No field contains personal data.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    /// A request was answered with an error. `endpoint` is `None` if the path names none.
    Refused { endpoint: Option<String>, code: &'static str, cause: &'static str },
    /// A delivery was recorded but not understood: it waits for an operator.
    Quarantined { endpoint: String, delivery: i64 },
    /// A delivery was recorded. Written at the level DEBUG.
    Recorded { delivery: i64, standing: &'static str },
    /// An attempt failed, and another follows. The error's text may quote a candidate, so it is left out.
    Failed { handler: String, delivery: i64, attempt: i32, outcome: &'static str },
    /// An attempt failed, and its work is skipped: a newer version has overtaken it.
    Skipped { handler: String, delivery: i64, attempt: i32, outcome: &'static str },
    /// Work was given up: by the handler, or after its last attempt.
    Discarded { handler: String, delivery: i64, attempt: i32, outcome: &'static str },
    /// The hook `discarded` of a handler failed, panicked or took too long.
    HookFailed { handler: String, delivery: i64 },
    /// An attempt goes on after its time-out.
    Overtime { handler: String, delivery: i64 },
    /// An attempt was settled after another worker had claimed the delivery.
    TooLate { handler: String, delivery: i64 },
    /// Leases had lapsed, and their work waits again.
    Rescued { count: u64 },
    /// Leases of last attempts had lapsed, and their work is discarded.
    DiscardedUnfinished { count: u64 },
    /// Leases and pauses had been set by a clock that was ahead.
    Cut { count: u64 },
    /// Lines had no first, and have one now.
    Promoted { count: u64 },
    /// Attempts were still running when the time to stop was over.
    Stopped { count: u64 },
    /// Attempts could not be released at the end.
    NotReleased { count: u64 },
    /// Deliveries were still waiting to be recorded when the time to stop was over.
    NotRecorded,
    /// A batch made the recorder panic.
    RecorderPanicked { count: u64 },
    /// A task of ours panicked, and is started again.
    TaskPanicked { task: &'static str },
    /// Processes cannot notify each other of work.
    Unheard,
    /// The database answered with an error.
    Fault { text: &'static str, fault: String },
    /// The database's files need an operator.
    Files { text: &'static str },
    /// The backlog for an operator at launch, left by former processes. `unattached` counts work for handlers that no
    /// living process has.
    LeftOver { discarded: u64, quarantined: u64, unattached: u64 },
    /// Work is made for a handler that no living process has attached. `count` counts lines, `delivery` is in one of
    /// them.
    Unattached { handler: String, count: u64, delivery: Option<i64> },
    /// Deliveries have waited for an hour behind a failing delivery of the same result.
    HeldUp { handler: String, count: u64, delivery: i64 },
    /// No new delivery has come to an endpoint for so many hours.
    Silent { endpoint: String, hours: u64 },
    /// The secrets were read again.
    SecretsReloaded,
    /// The secrets were not read again, since one of them is not sound.
    SecretsNotReloaded { fault: String },
    /// Old deliveries were removed.
    Pruned { bodies: u64, deliveries: u64, work: u64 },
    /// A table of the host's still refers to old deliveries.
    Kept { count: u64, delivery: i64 },
}

/// A part of the system that fails and recovers as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    /// The attempts of a handler.
    Handler(String),
    /// The arrival of deliveries at an endpoint.
    Endpoint(String),
    /// Recording, for every endpoint.
    Recording,
    /// Notifications between processes.
    Notifications,
}

impl Notice {
    /// The line of a notice, and the scope whose recovery ends it.
    pub(super) fn into_line(self) -> (Line, Option<Scope>) {
        let warning = |text| Line::new(Level::WARN, text);
        let error = |text| Line::new(Level::ERROR, text);
        let line = match self {
            Self::Refused { endpoint, code, cause } => {
                let (code, cause) = (Some(code), Some(cause));
                Line { endpoint, code, cause, ..warning("a delivery was refused") }
            }
            Self::Quarantined { endpoint, delivery } => Line {
                endpoint: Some(endpoint),
                delivery: Some(delivery),
                ..warning("a delivery was quarantined: its `findings` say why, and it can be replayed")
            },
            Self::Recorded { delivery, standing } => Line {
                delivery: Some(delivery),
                standing: Some(standing),
                ..Line::new(Level::DEBUG, "a delivery was recorded")
            },
            Self::Failed { handler, delivery, attempt, outcome } => {
                let line = warning("an attempt failed and is made again later: `last_error` of the work says why");
                return of_attempt(line, handler, delivery, attempt, outcome);
            }
            Self::Skipped { handler, delivery, attempt, outcome } => {
                let line = warning("an attempt failed and its work is skipped, since a newer version was recorded");
                return of_attempt(line, handler, delivery, attempt, outcome);
            }
            Self::Discarded { handler, delivery, attempt, outcome } => {
                let line = error("work was discarded: `last_error` of the work says why, and it can be replayed");
                return of_attempt(line, handler, delivery, attempt, outcome);
            }
            Self::HookFailed { handler, delivery } => {
                let line =
                    warning("the hook `discarded` failed, panicked or took more than 5 s, and is called again later");
                of_work(line, handler, delivery)
            }
            Self::Overtime { handler, delivery } => {
                let line = warning(
                    "an attempt goes on after its time-out: its handler blocks a thread, or cannot be rolled back; it \
                     keeps its lease and its slot until it ends",
                );
                of_work(line, handler, delivery)
            }
            Self::TooLate { handler, delivery } => {
                of_work(warning("an attempt came too late: another worker has the delivery"), handler, delivery)
            }
            Self::Rescued { count } => counted(count, warning("leases had lapsed")),
            Self::DiscardedUnfinished { count } => {
                let line =
                    error("work was discarded: the lease of its last attempt had lapsed, and it can be replayed");
                counted(count, line)
            }
            Self::Cut { count } => {
                counted(count, warning("leases and pauses had been set by a clock that was ahead, and are cut"))
            }
            Self::Promoted { count } => counted(count, warning("lines had no first, and go on")),
            Self::Stopped { count } => counted(count, warning("attempts did not end in time and are released")),
            Self::NotReleased { count } => {
                counted(count, error("not every attempt could be released: the leases lapse by themselves"))
            }
            Self::NotRecorded => {
                error("deliveries were still waiting when the time to stop was over; none was acknowledged")
            }
            Self::RecorderPanicked { count } => counted(count, error("the recorder panicked over a batch")),
            Self::TaskPanicked { task } => Line { task: Some(task), ..error("a task panicked and is started again") },
            Self::Unheard => {
                let line =
                    warning("processes cannot tell each other of work: what others record waits for the next look");
                return (line, Some(Scope::Notifications));
            }
            Self::Fault { text, fault } => Line { fault: Some(fault), ..error(text) },
            Self::Files { text } => warning(text),
            Self::LeftOver { discarded, quarantined, unattached } => Line {
                discarded: Some(discarded),
                quarantined: Some(quarantined),
                unattached: Some(unattached),
                ..warning(
                    "something waits for you: work that was discarded, deliveries in quarantine, or work without a handler",
                )
            },
            Self::Unattached { handler, count, delivery } => Line {
                handler: Some(handler),
                count: Some(count),
                delivery,
                ..warning("work waits for a handler that is not attached: attach it, or retire it")
            },
            Self::HeldUp { handler, count, delivery } => Line {
                handler: Some(handler),
                count: Some(count),
                delivery: Some(delivery),
                ..warning("a line has waited for an hour behind a first that fails: see its `last_error`")
            },
            Self::Silent { endpoint, hours } => {
                let scope = Some(Scope::Endpoint(endpoint.clone()));
                let line = warning("nothing was received: see whether JobMojito still sends, and to where");
                return (Line { endpoint: Some(endpoint), hours: Some(hours), ..line }, scope);
            }
            Self::SecretsReloaded => Line::new(Level::INFO, "the secrets were read again"),
            Self::SecretsNotReloaded { fault } => {
                Line { fault: Some(fault), ..error("the secrets were not read again, and the former ones hold") }
            }
            Self::Pruned { bodies, deliveries, work } => Line {
                count: Some(bodies + deliveries + work),
                ..Line::new(Level::INFO, "old bodies, deliveries and work were pruned")
            },
            Self::Kept { count, delivery } => Line {
                count: Some(count),
                delivery: Some(delivery),
                ..warning(
                    "old deliveries are kept, since a table of yours refers to them: give its foreign key `ON DELETE \
                     CASCADE` or `ON DELETE SET NULL`",
                )
            },
        };
        (line, None)
    }
}

fn counted(count: u64, line: Line) -> Line {
    Line { count: Some(count), ..line }
}

fn of_work(line: Line, handler: String, delivery: i64) -> Line {
    Line { handler: Some(handler), delivery: Some(delivery), ..line }
}

fn of_attempt(
    line: Line,
    handler: String,
    delivery: i64,
    attempt: i32,
    outcome: &'static str,
) -> (Line, Option<Scope>) {
    let scope = Some(Scope::Handler(handler.clone()));
    let (delivery, attempt, outcome) = (Some(delivery), Some(attempt), Some(outcome));
    (Line { handler: Some(handler), delivery, attempt, outcome, ..line }, scope)
}

impl Scope {
    /// A warning, like the lines whose end it marks: Rocket's release default writes no lower level.
    pub(super) fn recovered(&self) -> Line {
        let recovered = |text| Line::new(Level::WARN, text);
        match self {
            Self::Handler(name) => {
                Line { handler: Some(name.clone()), ..recovered("recovered: the handler completes attempts again") }
            }
            Self::Endpoint(name) => {
                Line { endpoint: Some(name.clone()), ..recovered("recovered: deliveries come to the endpoint again") }
            }
            Self::Recording => recovered("recovered: deliveries are recorded again"),
            Self::Notifications => recovered("recovered: processes tell each other of work again"),
        }
    }
}
