use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use mojito_schema::Backend;

use super::Context;
use crate::{Event, EventKind, Versions};

/// The host's reaction to deliveries.
///
/// Each handler that is attached has work of its own, with attempts and a fate of its own. Deliveries about one
/// interview result reach a handler one at a time and in stored order.
///
/// Implement it with `#[rocket::async_trait]`. A method that is not implemented does nothing, and that is no error.
///
/// | answer | fate |
/// | --- | --- |
/// | `Ok` | done; a transaction that was opened is committed together with the "done" mark |
/// | an error, a panic, a timeout, a commit that failed | rolled back; attempted again after a backoff (30 s at first, doubling to 4 h), discarded after the last attempt |
/// | a deadlock or serialization failure, handed on by `?` | the same, with a backoff of milliseconds at first |
/// | [`HandlerError::retry_in`] | rolled back; attempted again then, in 7 days at most; it counts as an attempt |
/// | [`HandlerError::discard`] | rolled back; given up until an operator replays it |
/// | any answer but `Ok`, of a handler that [`wants`](Self::wants) the latest version, where a newer one was recorded | rolled back; skipped: neither attempted again nor given up |
///
/// Effects through [`Context::transaction`] happen exactly once. Every other effect happens at least once: give
/// [`Context::key`] to the services that you call.
///
/// Handlers run on a runtime of their own. A handler that blocks its thread may hold up other handlers, but nothing
/// else. Except on SQLite: there its open transaction blocks every writer. Blocking work belongs in
/// [`spawn_blocking`](rocket::tokio::task::spawn_blocking).
///
/// A task that a handler spawns lives on that runtime, and ends with it. So does the driver of a connection that it
/// opens. For connections that routes share, of an HTTP client for example, take a
/// [`Handle`](rocket::tokio::runtime::Handle) of Rocket's runtime at ignition, and open them on that.
#[rocket::async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` handles no deliveries from a database of the kind `{B}`",
    label = "this is no `MojitoHandler<{B}>`",
    note = "write `#[rocket::async_trait] impl MojitoHandler<{B}> for {Self} {{ … }}`"
)]
pub trait MojitoHandler<B: Backend>: Send + Sync + 'static {
    /// The name under which the handler's work is stored. It must stay the same over releases. Another name is another
    /// handler, and the former one goes on to get work until it is [retired](crate::Inbox::retire_handler). Default:
    /// the name of the type, without its path.
    fn name(&self) -> String {
        let full = std::any::type_name::<Self>();
        let plain = full.split('<').next().unwrap_or(full);
        plain.rsplit("::").next().unwrap_or(plain).to_owned()
    }

    /// Whether the handler also takes `interview_collected` that came after the result. If several processes have the
    /// handler attached, the process that was launched last decides for all. Default: no.
    fn takes_late(&self) -> bool {
        false
    }

    /// The versions of a result that the handler wants. With [`Versions::Latest`] an old version that fails holds up no
    /// newer one: recording the newer one ends the old one's work as skipped. If several processes have the handler
    /// attached, the process that was launched last decides for all. Work of older versions that waits at that moment
    /// ends when a newer version is recorded, or when its attempt fails. Default: [`Versions::Every`].
    fn wants(&self) -> Versions {
        Versions::Every
    }

    /// The interview was submitted and scored, or something about its result changed.
    async fn interview_result(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        let _ = (event, cx);
        Ok(())
    }

    /// The candidate has finished; nothing is scored yet.
    async fn interview_collected(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        let _ = (event, cx);
        Ok(())
    }

    /// The interview failed, or its result was withdrawn for another attempt.
    async fn interview_failed(&self, event: &Event, cx: &mut Context<'_, B>) -> HandlerResult {
        let _ = (event, cx);
        Ok(())
    }

    /// Work of this handler failed for good: the handler gave up, the last attempt failed, or that attempt was lost
    /// with its process. Tell somebody. `error` is the stored `last_error`, and may quote the candidate: keep it out of
    /// logs.
    ///
    /// The hook is called after the discard is committed, in any process that has this handler attached, whichever
    /// process gave up the work. It is called at least once. A call fails by an error, a panic, five seconds without an
    /// answer, or the end of its process. A failed call is repeated, after 30 s at first, later up to 4 h apart. Later
    /// deliveries of the same result may be handled before the call or during it. While the handler is paused, the call
    /// waits.
    ///
    /// The hook is not called for work that an operator discards, nor for work that is skipped. Nor is it called once the work is replayed, its body
    /// is pruned or its result is erased. An erasure does not wait for a running call. So make the hook's writes
    /// reachable for [`erased`](Self::erased), or check in the writing transaction that the result still exists.
    /// Default: nothing.
    async fn discarded(&self, event: &Event, error: &str) -> HandlerResult {
        let _ = (event, error);
        Ok(())
    }

    /// A result is erased: delete its data from the host's tables, through `tx`. A deletion outside of `tx` may have to
    /// be repeated, since the result may be erased again.
    ///
    /// `tx` is the transaction in which [`Inbox::erase`](crate::Inbox::erase) removes the result from the plugin's
    /// tables: both forget, or neither. If the hook answers with an error, panics or takes five seconds, the result is
    /// kept, and stands in the receipt. Be quick, call no service, and do not write through an `Inbox`, as in a
    /// handler's transaction.
    ///
    /// The hook is also called for results of which this handler has had no delivery. It is not called for results that
    /// were erased before it was attached. If a handler with this hook is not attached, an erasure is refused; see
    /// [`Erasure::without_handler`](crate::Erasure::without_handler).
    ///
    /// Write it as `async fn erased(&self, endpoint: &str, result_id: &str, tx: &mut B::Connection) -> HandlerResult`,
    /// under `#[rocket::async_trait]`. The launch finds out whether the method is written: it calls the method, and
    /// drops the future before any code of it has run. Default: nothing.
    fn erased<'life0, 'life1, 'life2, 'life3, 'async_trait>(
        &'life0 self,
        endpoint: &'life1 str,
        result_id: &'life2 str,
        tx: &'life3 mut B::Connection,
    ) -> Pin<Box<dyn Future<Output = HandlerResult> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        'life2: 'async_trait,
        'life3: 'async_trait,
        Self: 'async_trait,
    {
        let _ = (endpoint, result_id, tx);
        Box::pin(NoHook)
    }
}

/// The future of a handler without the hook `erased`. Its size is zero; an async block, which holds `self`, has a size.
struct NoHook;

impl Future for NoHook {
    type Output = HandlerResult;

    fn poll(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<HandlerResult> {
        Poll::Ready(Ok(()))
    }
}

/// Whether a handler has the hook `erased`. No code of the hook is run.
pub(crate) fn has_erased_hook<B: Backend>(handler: &dyn MojitoHandler<B>, connection: &mut B::Connection) -> bool {
    size_of_val(&*handler.erased("", "", connection)) > 0
}

/// Calls the method for the kind of the event.
pub(super) async fn handle<B: Backend>(
    handler: &dyn MojitoHandler<B>,
    event: &Event,
    cx: &mut Context<'_, B>,
) -> HandlerResult {
    match event.kind() {
        EventKind::InterviewResult => handler.interview_result(event, cx).await,
        EventKind::InterviewCollected => handler.interview_collected(event, cx).await,
        EventKind::InterviewFailed => handler.interview_failed(event, cx).await,
        EventKind::Unknown => Ok(()),
    }
}

/// The longest delay that a handler may ask for. Later deliveries of the same result wait as long.
const MAX_RETRY_IN: Duration = Duration::from_secs(7 * 24 * 3600);

/// The answer of a handler.
pub type HandlerResult = Result<(), HandlerError>;

/// The reason why a handler did not do its work. Any error becomes one by `?`, and then the work is attempted again.
///
/// The error's text is stored as the work's `last_error`, for operators, and is never logged. The same holds for the
/// message of a panic. The output of a panic hook is the host's concern.
pub struct HandlerError {
    pub(super) fate: Fate,
    source: Box<dyn StdError + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Retry,
    RetryIn(Duration),
    Discard,
}

impl HandlerError {
    /// Gives up: no further attempt will help.
    pub fn discard(reason: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { fate: Fate::Discard, source: reason.into() }
    }

    /// Asks for the next attempt after `delay` instead of the backoff. A delay above 7 days is cut to 7 days. The
    /// attempt counts.
    pub fn retry_in(delay: Duration) -> Self {
        let delay = delay.min(MAX_RETRY_IN);
        let text = format!("the handler asked for another attempt in {} s", delay.as_secs());
        Self { fate: Fate::RetryIn(delay), source: text.into() }
    }

    /// Whether the handler gives up: then the work is discarded, and no further attempt is made.
    pub fn is_discard(&self) -> bool {
        self.fate == Fate::Discard
    }

    /// Whether the work is attempted again, unless this was its last attempt.
    pub fn will_retry(&self) -> bool {
        !self.is_discard()
    }

    /// The delay of the next attempt that the handler asked for by [`retry_in`](Self::retry_in). `None` stands for the
    /// backoff, or for no further attempt.
    pub fn delay(&self) -> Option<Duration> {
        match self.fate {
            Fate::RetryIn(delay) => Some(delay),
            Fate::Retry | Fate::Discard => None,
        }
    }

    /// Whether the handler's transaction conflicted with another: it can be run again at once.
    pub(super) fn is_conflict(&self) -> bool {
        mojito_schema::is_conflict(&*self.source)
    }

    /// The text for `last_error`, with its causes, joined by colons.
    pub(super) fn text(&self) -> String {
        let mut text = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl<E: Into<Box<dyn StdError + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self { fate: Fate::Retry, source: error.into() }
    }
}

// The error's text comes from the host, and may quote the candidate.
impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError").field("fate", &self.fate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_that_a_handler_asks_for_is_cut_to_seven_days() {
        let week = Duration::from_secs(604_800);
        let fate = |delay| HandlerError::retry_in(delay).fate;

        assert_eq!(fate(week - Duration::from_secs(1)), Fate::RetryIn(week - Duration::from_secs(1)));
        assert_eq!(fate(week + Duration::from_secs(1)), Fate::RetryIn(week));
        assert_eq!(fate(Duration::MAX), Fate::RetryIn(week));
        assert!(HandlerError::retry_in(Duration::MAX).text().contains("604800 s"));
    }

    #[test]
    fn an_error_tells_what_becomes_of_the_work() {
        let told = |error: HandlerError| (error.is_discard(), error.will_retry(), error.delay());
        let hour = Duration::from_secs(3600);

        assert_eq!(told("no printer".into()), (false, true, None));
        assert_eq!(told(HandlerError::retry_in(hour)), (false, true, Some(hour)));
        assert_eq!(told(HandlerError::discard("no such candidate")), (true, false, None));
    }

    /// The rule is the same for both databases, since only types matter.
    #[cfg(feature = "sqlite")]
    #[rocket::async_test]
    async fn a_handler_has_the_hook_that_it_writes() {
        use mojito_schema::{Open, Opening, Sqlite};

        struct Without;

        #[rocket::async_trait]
        impl MojitoHandler<Sqlite> for Without {}

        /// The smallest possible hook.
        struct With;

        #[rocket::async_trait]
        impl MojitoHandler<Sqlite> for With {
            async fn erased(&self, _: &str, _: &str, _: &mut <Sqlite as Backend>::Connection) -> HandlerResult {
                panic!("looking whether there is a hook runs nothing of it")
            }
        }

        let mut connection = Sqlite::open(":memory:", Open::Create).await.unwrap();

        assert!(!has_erased_hook(&Without, &mut connection));
        assert!(has_erased_hook(&With, &mut connection));
    }
}
