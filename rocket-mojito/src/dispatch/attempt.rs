use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use mojito_schema::{Backend, Claim, Settlement, Ticket, Utc};
use sha2::{Digest, Sha256};

use super::handler::{Fate, HandlerError, HandlerResult, handle};
use super::transaction::{End, Transaction};
use super::{Context, MojitoHandler, backoff};
use crate::Event;
use crate::store::Database;

/// What the operator reads where another transaction was in the way of the commit.
const CONFLICT: &str = "the commit failed: another transaction was in its way";

/// The longest `last_error` that is kept, in bytes.
const LONGEST_ERROR: usize = 2000;

/// How long an attempt keeps its slot that has found no connection to the database: another one would not either.
const PAUSE_WITHOUT_CONNECTION: Duration = Duration::from_secs(1);

/// One run of a handler on one delivery.
pub(super) struct Attempt<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub database: Arc<Database<B>>,
    pub claim: Claim,
    pub timeout: Duration,
    pub lease: Duration,
}

impl<B: Backend> Attempt<B> {
    /// Runs the handler and ends its transaction. What comes back is still to be settled; nothing where the commit
    /// settled it, or the work is somebody else's now.
    pub async fn run(self) -> Option<Settlement> {
        let Self { handler, database, claim, timeout, lease } = self;
        let (number, ticket) = (claim.attempt, claim.ticket.clone());
        let key = key(&claim.delivery.fingerprint, &ticket);
        let Some(event) = Event::of_claim(claim) else {
            return Some(Settlement::Discard { error: "the body is pruned, erased or not understood".to_owned() });
        };
        let mut transaction = Transaction::new(database, ticket, lease);
        let mut cx = Context::new(&mut transaction, number, &key);
        let run = AssertUnwindSafe(handle(&*handler, &event, &mut cx)).catch_unwind();
        let answer: HandlerResult = match tokio::time::timeout(timeout, run).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("the handler panicked".into()),
            Err(_) => Err(format!("the handler did not answer within {} s", timeout.as_secs_f32()).into()),
        };
        match answer {
            Ok(()) => match transaction.commit().await {
                // It went on without one.
                End::Unused | End::Unconnected => Some(Settlement::Complete),
                End::Committed | End::Stale => None,
                End::Conflict => Some(again(CONFLICT.to_owned(), backoff::pause_of_conflict(number, fastrand::f64()))),
                End::Unknown => Some(settlement(&"the commit failed".into(), number)),
            },
            Err(error) => match transaction.rollback().await {
                End::Stale => None,
                End::Unconnected if error.fate == Fate::Retry => {
                    tokio::time::sleep(PAUSE_WITHOUT_CONNECTION).await;
                    Some(Settlement::Release)
                }
                _ => Some(settlement(&error, number)),
            },
        }
    }
}

fn settlement(error: &HandlerError, attempt: i32) -> Settlement {
    let text = cut(error.text());
    match error.fate {
        Fate::Discard => Settlement::Discard { error: text },
        Fate::RetryIn(delay) => again(text, delay),
        Fate::Retry if error.is_conflict() => again(text, backoff::pause_of_conflict(attempt, fastrand::f64())),
        Fate::Retry => again(text, backoff::pause(attempt, fastrand::f64())),
    }
}

fn again(error: String, pause: Duration) -> Settlement {
    Settlement::Retry { due_at: Utc::now().after(pause), error }
}

/// At most so much, without NUL, which Postgres refuses.
fn cut(text: String) -> String {
    let mut text = text.replace('\0', "\u{FFFD}");
    text.truncate(text.floor_char_boundary(LONGEST_ERROR));
    text
}

/// The idempotency key: endpoint, event and body are in the fingerprint.
fn key(fingerprint: &[u8], ticket: &Ticket) -> String {
    let digest = Sha256::new()
        .chain_update(b"mojito.key.v1\0")
        .chain_update(fingerprint)
        .chain_update(ticket.delivery_id.to_be_bytes())
        .chain_update(&ticket.handler)
        .finalize();
    digest[..16].iter().fold(String::new(), |mut key, byte| {
        write!(key, "{byte:02x}").expect("a string takes everything");
        key
    })
}
