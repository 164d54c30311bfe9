use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{AbortHandle, Aborted};
use mojito_schema::{Backend, Claim, Settlement, TableChange};
use tokio::runtime::Handle;

use super::ending::{Ending, Outcome};
use super::running::ended_in_time;
use super::transaction::Transaction;
use super::{HandlerRuntime, MojitoHandler, attempt};
use crate::notices::Notice;
use crate::rehearsal::{Answer, Unrehearsed};
use crate::store::{Database, RehearsedHandler};

/// The adapter through which a rehearsal runs a handler: as an attempt would, on the handlers' runtime, without a lease
/// and without effect.
pub(crate) struct Rehearser<B: Backend> {
    pub handler: Arc<dyn MojitoHandler<B>>,
    pub timeout: Duration,
    /// How long its transaction may stand still.
    pub lease: Duration,
    /// The handlers' runtime.
    pub runtime: Handle,
    /// Keeps that runtime in a process without a dispatcher.
    #[expect(dead_code, reason = "held, not read")]
    pub kept_runtime: Option<Arc<HandlerRuntime>>,
}

#[rocket::async_trait]
impl<B: Backend> RehearsedHandler<B> for Rehearser<B> {
    fn name(&self) -> String {
        self.handler.name()
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    async fn rehearse(&self, database: Arc<Database<B>>, claim: Claim) -> (Answer, Vec<TableChange>) {
        let (name, delivery) = (claim.ticket.handler.clone(), claim.ticket.delivery_id);
        let (handler, notices) = (Arc::clone(&self.handler), database.notices().clone());
        let (abort, stop) = AbortHandle::new_pair();
        let mut transaction = Transaction::for_rehearsal(database, claim.ticket.line(), self.lease);
        let run = self.runtime.spawn(async move {
            let ended = attempt::run(&*handler, claim, &mut transaction, stop).await;
            (ended, transaction.into_changes())
        });
        let overtime = || notices.say(Notice::Overtime { handler: name, delivery });
        let (_, ended) = ended_in_time(run, self.timeout, || abort.abort(), overtime).await;
        match ended {
            Ok((Ok(Some(ending)), changes)) => (answer(ending), changes),
            // Work of the line was leased meanwhile.
            Ok((Ok(None), _)) => (Answer::NotRehearsed(Unrehearsed::Leased), Vec::new()),
            Ok((Err(Aborted), _)) => (Answer::TimedOut, Vec::new()),
            // The runtime has ended: the process stops.
            Err(_) => (Answer::NotRehearsed(Unrehearsed::NotPossible), Vec::new()),
        }
    }
}

/// The answer by the ending that an attempt would have had.
fn answer(ending: Ending) -> Answer {
    let error = match ending.settlement {
        Settlement::Retry { error, .. } | Settlement::Discard { error } => error,
        Settlement::Complete | Settlement::Release => String::new(),
    };
    match ending.outcome {
        Outcome::Completed => Answer::Ok,
        Outcome::Failed | Outcome::Conflict => Answer::Retry { error },
        Outcome::Discarded => Answer::Discard { error },
        Outcome::Panicked => Answer::Panic { error },
        Outcome::TimedOut => Answer::TimedOut,
        Outcome::Released => Answer::NotRehearsed(Unrehearsed::NotPossible),
    }
}
