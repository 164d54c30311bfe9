use std::any::Any;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{AbortRegistration, Abortable, Aborted};
use mojito_schema::{AttemptOutcome, Backend, Claim, NotCommitted, Settlement, Ticket};
use sha2::{Digest, Sha256};

use super::ending::{Ending, Outcome};
use super::handler::{Fate, HandlerError, HandlerResult, handle};
use super::transaction::{End, Transaction};
use super::{Context, MojitoHandler, backoff};
use crate::Event;
use crate::notices::Scope;
use crate::store::Database;

/// The `last_error` of an attempt whose handler answered `Ok` although its transaction could not be opened.
const NOT_OPENED: &str = "the handler answered Ok, although its transaction could not be opened";

/// The pause before an attempt is released while the server takes no writes.
const STANDBY_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum length of a stored `last_error`, in bytes.
const MAX_ERROR_LENGTH: usize = 2000;

/// The time for which an attempt without a database connection keeps its slot: another attempt would find none either.
const CONNECT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// One run of a handler on one delivery.
pub(super) struct Attempt<'h, B: Backend> {
    pub handler: &'h dyn MojitoHandler<B>,
    pub database: Arc<Database<B>>,
    pub claim: Claim,
    pub lease: Duration,
    /// Signals that the handler is to be stopped.
    pub stop: AbortRegistration,
}

impl<B: Backend> Attempt<'_, B> {
    /// Runs the handler and ends its transaction. Returns the ending that is still to be settled. `None` means that the
    /// commit settled it, or that another worker has the delivery now.
    ///
    /// # Errors
    ///
    /// When the handler was stopped before it had answered. Its transaction is rolled back.
    pub async fn run(self) -> Result<Option<Ending>, Aborted> {
        let Self { handler, database, claim, lease, stop } = self;
        let mut transaction = Transaction::new(database, claim.ticket.clone(), lease);
        run(handler, claim, &mut transaction, stop).await
    }
}

/// The same in a given transaction, which may be that of a rehearsal. Then `None` means that work of the line was leased.
pub(super) async fn run<B: Backend>(
    handler: &dyn MojitoHandler<B>,
    claim: Claim,
    transaction: &mut Transaction<B>,
    stop: AbortRegistration,
) -> Result<Option<Ending>, Aborted> {
    let (number, ticket) = (claim.attempt, claim.ticket.clone());
    let key = if transaction.is_rehearsal() {
        rehearsal_key(&claim.delivery.fingerprint, &ticket)
    } else {
        key(&claim.delivery.fingerprint, &ticket)
    };
    let mut cx = Context::new(transaction, number, &key);
    let run = AssertUnwindSafe(attempt(handler, claim, &mut cx)).catch_unwind();
    let (answer, has_panicked): (HandlerResult, bool) = match unless_stopped(run, stop).await {
        Ok(Ok(answer)) => (answer, false),
        Ok(Err(panic)) => (Err(text_of(&*panic).into()), true),
        Err(Aborted) => {
            return match transaction.rollback().await {
                End::Stale => Ok(None),
                _ => Err(Aborted),
            };
        }
    };
    let ending = match answer {
        Ok(()) => match transaction.commit().await {
            // The handler needed no transaction, or it was rehearsed.
            End::Unused | End::Unconnected => Some(completed()),
            End::Committed => {
                transaction.notices().works(|| Scope::Handler(ticket.handler));
                None
            }
            End::Stale => None,
            End::Failed => Some(failed(&NOT_OPENED.into(), number)),
            End::ReadOnly => Some(released().await),
            End::NotCommitted(reason @ NotCommitted::Conflict) => {
                let pause = backoff::pause_of_conflict(number, fastrand::f64());
                Some(Ending { settlement: again(reason.to_string(), pause), outcome: Outcome::Conflict })
            }
            End::NotCommitted(reason) => Some(failed(&reason.into(), number)),
        },
        Err(error) => match transaction.rollback().await {
            End::Stale => None,
            End::Unconnected if error.fate == Fate::Retry => {
                tokio::time::sleep(CONNECT_RETRY_INTERVAL).await;
                Some(not_possible())
            }
            End::ReadOnly => Some(released().await),
            _ => Some(failed(&error, number)),
        },
    };
    Ok(ending.map(|ending| if has_panicked { ending.with(Outcome::Panicked) } else { ending }))
}

/// The part that may panic: it runs the host's code, and reads a sender's text.
async fn attempt<B: Backend>(handler: &dyn MojitoHandler<B>, claim: Claim, cx: &mut Context<'_, B>) -> HandlerResult {
    match Event::from_claim(claim) {
        Some(event) => handle(handler, &event, cx).await,
        None => Err(HandlerError::discard("the body is pruned, erased or not understood")),
    }
}

/// The message of a panic, if it has one. It is stored as a handler's error is, and never logged.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.map_or_else(|| "the handler panicked".to_owned(), |said| format!("the handler panicked: {said}"))
}

/// No attempt was possible, and none counts. Before the next claim another server may have taken over.
async fn released() -> Ending {
    tokio::time::sleep(STANDBY_RETRY_INTERVAL).await;
    not_possible()
}

/// The ending of an attempt that was not possible, or was stopped: it does not count.
pub(super) fn not_possible() -> Ending {
    Ending { settlement: Settlement::Release, outcome: Outcome::Released }
}

/// The ending of an attempt whose handler did not answer in time.
pub(super) fn timed_out(timeout: Duration, attempt: i32) -> Ending {
    let error = format!("the handler did not answer within {} s", timeout.as_secs_f32());
    failed(&error.into(), attempt).with(Outcome::TimedOut)
}

pub(super) fn completed() -> Ending {
    Ending { settlement: Settlement::Complete, outcome: Outcome::Completed }
}

/// The output of a future, unless it was stopped first. A future that blocks its thread may still answer after the
/// stop; that answer is too late.
async fn unless_stopped<F: Future>(future: F, stop: AbortRegistration) -> Result<F::Output, Aborted> {
    let mut future = pin!(Abortable::new(future, stop));
    let answer = future.as_mut().await;
    if future.is_aborted() { Err(Aborted) } else { answer }
}

fn failed(error: &HandlerError, attempt: i32) -> Ending {
    let text = cut(error.text());
    let (settlement, outcome) = match error.fate {
        Fate::Discard => (Settlement::Discard { error: text }, Outcome::Discarded),
        Fate::RetryIn(delay) => (again(text, delay), Outcome::Failed),
        Fate::Retry if error.is_conflict() => {
            (again(text, backoff::pause_of_conflict(attempt, fastrand::f64())), Outcome::Conflict)
        }
        Fate::Retry => (again(text, backoff::pause(attempt, fastrand::f64())), Outcome::Failed),
    };
    Ending { settlement, outcome }
}

fn again(error: String, pause: Duration) -> Settlement {
    Settlement::Retry { pause, error, outcome: AttemptOutcome::Failed }
}

/// Cuts the text to its maximum length and replaces NUL, which Postgres refuses.
fn cut(text: String) -> String {
    let mut text = text.replace('\0', "\u{FFFD}");
    let fits = |end: &usize| text.is_char_boundary(*end);
    text.truncate((0..=MAX_ERROR_LENGTH.min(text.len())).rev().find(fits).unwrap_or_default());
    text
}

/// The idempotency key. Endpoint, event and body enter it through the fingerprint.
fn key(fingerprint: &[u8], ticket: &Ticket) -> String {
    key_of(b"mojito.key.v1\0", fingerprint, ticket)
}

/// The key in a rehearsal: another digest, so that nobody makes the real key of it.
fn rehearsal_key(fingerprint: &[u8], ticket: &Ticket) -> String {
    format!("rehearsal-{}", key_of(b"mojito.rehearsal.v1\0", fingerprint, ticket))
}

fn key_of(domain: &[u8], fingerprint: &[u8], ticket: &Ticket) -> String {
    let digest = Sha256::new()
        .chain_update(domain)
        .chain_update(fingerprint)
        .chain_update(ticket.delivery_id.to_be_bytes())
        .chain_update(&ticket.handler)
        .finalize();
    digest[..16].iter().fold(String::new(), |mut key, byte| {
        write!(key, "{byte:02x}").expect("a string takes everything");
        key
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(delivery_id: i64, handler: &str) -> Ticket {
        let handler = handler.to_owned();
        Ticket { delivery_id, handler, first_delivery_id: 1, epoch: 1, has_attempts: false }
    }

    /// The pause before the next attempt, and the outcome.
    fn pause(ending: &Ending) -> (Option<Duration>, Outcome) {
        match &ending.settlement {
            Settlement::Retry { pause, .. } => (Some(*pause), ending.outcome),
            _ => (None, ending.outcome),
        }
    }

    #[test]
    fn each_answer_has_its_ending() {
        let delay = Duration::from_secs(7);
        let discarded = failed(&HandlerError::discard("never"), 1);
        let asked = failed(&HandlerError::retry_in(delay), 1);
        let (first, third) = (failed(&"a fault".into(), 1), failed(&"a fault".into(), 3));
        let late = timed_out(Duration::from_millis(1500), 1);
        let seconds = |ending: &Ending| pause(ending).0.unwrap().as_secs_f64();

        assert_eq!(discarded.settlement, Settlement::Discard { error: "never".to_owned() });
        assert_eq!(pause(&discarded), (None, Outcome::Discarded));
        assert_eq!(pause(&asked), (Some(delay), Outcome::Failed));
        assert_eq!((first.outcome, late.outcome), (Outcome::Failed, Outcome::TimedOut));
        assert!((15.0..=30.0).contains(&seconds(&first)) && (60.0..=120.0).contains(&seconds(&third)));
        assert!((15.0..=30.0).contains(&seconds(&late)));
        let Settlement::Retry { error, outcome, .. } = late.settlement else { panic!("it is tried again") };
        assert_eq!((&*error, outcome), ("the handler did not answer within 1.5 s", AttemptOutcome::TimedOut));
        assert_eq!((not_possible().settlement, not_possible().outcome), (Settlement::Release, Outcome::Released));
        assert_eq!((completed().settlement, completed().outcome), (Settlement::Complete, Outcome::Completed));
    }

    #[test]
    fn an_error_is_stored_without_nul_and_in_whole_letters() {
        let long = "é".repeat(MAX_ERROR_LENGTH);

        assert_eq!(cut("a\0b".to_owned()), "a\u{FFFD}b");
        assert_eq!(cut("x".repeat(MAX_ERROR_LENGTH + 1)), "x".repeat(MAX_ERROR_LENGTH));
        assert_eq!(cut(format!("x{long}")), format!("x{}", "é".repeat(MAX_ERROR_LENGTH / 2 - 1)));
        assert_eq!(cut(String::new()), "");
    }

    #[test]
    fn a_panic_is_told_with_its_message_where_it_has_one() {
        let borrowed: Box<dyn Any + Send> = Box::new("oh");
        let owned: Box<dyn Any + Send> = Box::new("no".to_owned());
        let other: Box<dyn Any + Send> = Box::new(7);

        let told = [borrowed, owned, other].map(|panic| text_of(&*panic));

        assert_eq!(told, ["the handler panicked: oh", "the handler panicked: no", "the handler panicked"]);
    }

    #[test]
    fn a_key_is_that_of_one_handler_on_one_delivery_and_no_rehearsal_tells_it() {
        let base = key(b"f", &ticket(1, "A"));
        let others = [
            key(b"g", &ticket(1, "A")),
            key(b"f", &ticket(2, "A")),
            key(b"f", &ticket(1, "B")),
            rehearsal_key(b"f", &ticket(1, "A")),
        ];

        assert_eq!(base.len(), 32);
        assert!(base.bytes().all(|digit| digit.is_ascii_hexdigit()));
        assert_eq!(base, key(b"f", &Ticket { epoch: 2, has_attempts: true, ..ticket(1, "A") }));
        assert!(!others.contains(&base) && !others[3].contains(&base), "{others:?}");
        assert!(others[3].starts_with("rehearsal-"));
    }

    #[tokio::test]
    async fn an_answer_after_the_stop_is_too_late() {
        let (_running, stop) = futures_util::future::AbortHandle::new_pair();
        assert_eq!(unless_stopped(async { 7 }, stop).await, Ok(7));

        let (handle, stop) = futures_util::future::AbortHandle::new_pair();
        let late = async {
            handle.abort();
            7
        };
        assert_eq!(unless_stopped(late, stop).await, Err(Aborted));
        let (handle, stop) = futures_util::future::AbortHandle::new_pair();
        handle.abort();
        assert_eq!(unless_stopped(std::future::pending::<()>(), stop).await, Err(Aborted));
    }
}
