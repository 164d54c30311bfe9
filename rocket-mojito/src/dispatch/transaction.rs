use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{
    Backend, Left, Line, NotCommitted, QueryResult, RolledBack, TableChange, Ticket, Timestamp, failpoint, fault,
    is_read_only, trouble,
};

use super::handler::HandlerError;
use crate::notices::Notices;
use crate::pool::Loan;
#[cfg(feature = "testing")]
use crate::store::CommitFailure;
use crate::store::{Database, TransactionTurn, WriteTurn};

/// The transaction that an attempt may open: effect and "done" mark, behind the fence. A rehearsal has one as well,
/// without mark and fence, which ends as if there had been none.
pub(super) struct Transaction<B: Backend> {
    database: Arc<Database<B>>,
    purpose: Purpose,
    lease: Duration,
    state: State<B>,
}

enum Purpose {
    Attempt(Ticket),
    Rehearsal {
        line: Line,
        /// The rows that it would have changed.
        changes: Vec<TableChange>,
    },
}

enum State<B: Backend> {
    /// The handler has not asked for it: no connection is held.
    Unused,
    /// It could not be opened. The handler may ask again.
    Failed,
    /// It could not be opened, since the server is a standby and takes no writes. The handler may ask again.
    ReadOnly,
    /// Open, with the fence passed.
    Open { loan: Loan<B>, _turns: (WriteTurn, TransactionTurn) },
    /// The ticket is stale: another worker has the delivery.
    Stale,
    /// There was no connection for it.
    Unconnected,
}

/// The end of a transaction.
#[derive(Debug)]
pub(super) enum End {
    /// There was no transaction, or it was rolled back.
    Unused,
    /// Effect and "done" mark are committed.
    Committed,
    /// The ticket is stale: there is nothing to settle.
    Stale,
    /// There was no connection for it: the attempt is not to blame.
    Unconnected,
    /// It could not be opened, and the handler went on without it.
    Failed,
    /// The server takes no writes: no attempt was possible.
    ReadOnly,
    /// It was not committed, or its commit is in doubt.
    NotCommitted(NotCommitted),
}

impl<B: Backend> Transaction<B> {
    pub fn new(database: Arc<Database<B>>, ticket: Ticket, lease: Duration) -> Self {
        Self { database, purpose: Purpose::Attempt(ticket), lease, state: State::Unused }
    }

    /// The transaction of a rehearsal, which is never committed.
    pub fn for_rehearsal(database: Arc<Database<B>>, line: Line, lease: Duration) -> Self {
        Self { database, purpose: Purpose::Rehearsal { line, changes: Vec::new() }, lease, state: State::Unused }
    }

    pub fn is_rehearsal(&self) -> bool {
        matches!(self.purpose, Purpose::Rehearsal { .. })
    }

    /// The rows that a rehearsal would have changed, once it has ended.
    pub fn into_changes(self) -> Vec<TableChange> {
        match self.purpose {
            Purpose::Rehearsal { changes, .. } => changes,
            Purpose::Attempt(_) => Vec::new(),
        }
    }

    pub fn notices(&self) -> &Notices {
        self.database.notices()
    }

    /// Opens the transaction at the first call; the fence is its first statement.
    pub async fn connection(&mut self) -> Result<&mut B::Connection, HandlerError> {
        if matches!(self.state, State::Unused | State::Failed | State::ReadOnly | State::Unconnected) {
            self.state = State::Failed;
            self.state = self.open().await?;
        }
        match &mut self.state {
            State::Open { loan, .. } => Ok(loan.connection()),
            State::ReadOnly => Err("the database takes no writes at present: its server is a standby".into()),
            State::Unused | State::Failed | State::Stale | State::Unconnected => {
                Err("the lease was lost: another worker has this delivery".into())
            }
        }
    }

    async fn open(&mut self) -> Result<State<B>, HandlerError> {
        let among_transactions = self.database.transaction_turn().await;
        let connection = self.database.connection().await.inspect_err(|error| {
            self.state = State::Unconnected;
            self.database.health().report("a handler's transaction has no connection", error);
        })?;
        let mut loan = Loan::new(connection);
        let turn = self.database.write_turn().await;
        match self.purpose.begin::<B>(loan.connection(), self.lease).await {
            Ok(true) => {
                #[cfg(feature = "testing")]
                self.count_statements(&mut loan);
                Ok(State::Open { loan, _turns: (turn, among_transactions) })
            }
            Ok(false) => {
                loan.give_back();
                Ok(State::Stale)
            }
            Err(error) if is_read_only(&error) => {
                self.database.health().report("a handler's transaction could not be opened", fault(&error));
                Ok(State::ReadOnly)
            }
            Err(error) => {
                // A session that the server has closed counts as no connection.
                if !B::lives(loan.connection(), Duration::ZERO).await {
                    self.state = State::Unconnected;
                }
                Err(error.into())
            }
        }
    }

    /// Commits the transaction, if it was opened. It counts as committed only if the database confirms the commit. A
    /// rehearsal is rolled back instead, after the checks of a commit.
    pub async fn commit(&mut self) -> End {
        match std::mem::replace(&mut self.state, State::Unused) {
            State::Unused => End::Unused,
            State::Failed => End::Failed,
            State::ReadOnly => End::ReadOnly,
            State::Stale => End::Stale,
            State::Unconnected => End::Unconnected,
            State::Open { loan, _turns } => self.close(loan).await,
        }
    }

    /// Commits the open transaction, or ends a rehearsal.
    async fn close(&mut self, mut loan: Loan<B>) -> End {
        match &mut self.purpose {
            Purpose::Attempt(ticket) => {
                failpoint::reach("attempt.committing");
                let line = ticket.line();
                #[cfg(feature = "testing")]
                if let Some(end) = self.ordered_failure() {
                    // The connection is closed, which rolls back.
                    drop(loan);
                    return end;
                }
                match B::commit(loan.connection(), Some(line)).await {
                    Ok(left) => {
                        failpoint::reach("attempt.committed");
                        end(loan, left);
                        End::Committed
                    }
                    Err(reason) => {
                        // The lock goes with the connection, and must go before the turn.
                        drop(loan);
                        self.take_note(&reason);
                        End::NotCommitted(reason)
                    }
                }
            }
            Purpose::Rehearsal { line, changes } => {
                match B::end_rehearsal(loan.connection(), line.clone()).await {
                    Ok(RolledBack { changes: seen, is_leased, left }) => {
                        end(loan, left);
                        *changes = seen;
                        if is_leased { End::Stale } else { End::Unused }
                    }
                    // The connection is closed before the turn is given on.
                    Err(reason) => {
                        drop(loan);
                        End::NotCommitted(reason)
                    }
                }
            }
        }
    }

    /// The end of the transaction instead of its commit, if a test has ordered one.
    #[cfg(feature = "testing")]
    fn ordered_failure(&self) -> Option<End> {
        let failures = self.database.failures();
        match failures.take_commit(&[CommitFailure::Refused, CommitFailure::DiesBefore])? {
            CommitFailure::Refused => Some(End::NotCommitted(NotCommitted::refused("by the test's order"))),
            // A dead process settles nothing.
            CommitFailure::DiesBefore | CommitFailure::DiesAfter => Some(End::Stale),
        }
    }

    /// Counts the handler's statements, if a test has ordered a death after one of them.
    #[cfg(feature = "testing")]
    fn count_statements(&self, loan: &mut Loan<B>) {
        if self.database.failures().counts_statements() {
            let failures = Arc::clone(self.database.failures());
            B::after_each_statement(loan.connection(), Box::new(move || failures.note_statement()));
        }
    }

    fn take_note(&self, reason: &NotCommitted) {
        let Some(error) = reason.cause() else { return };
        let health = self.database.health();
        health.note_trouble(trouble(error));
        health.report("a handler's transaction could not be committed", fault(error));
    }

    /// Rolls the transaction back, if it was opened.
    pub async fn rollback(&mut self) -> End {
        match std::mem::replace(&mut self.state, State::Unused) {
            State::Unused | State::Failed => End::Unused,
            State::ReadOnly => End::ReadOnly,
            State::Stale => End::Stale,
            State::Unconnected => End::Unconnected,
            State::Open { mut loan, _turns } => {
                // A connection whose rollback fails is closed, which rolls back as well.
                match B::rollback(loan.connection()).await {
                    Ok(left) => end(loan, left),
                    Err(_) => drop(loan),
                }
                End::Unused
            }
        }
    }
}

impl Purpose {
    async fn begin<B: Backend>(&self, connection: &mut B::Connection, lease: Duration) -> QueryResult<bool> {
        match self {
            Self::Attempt(ticket) => B::begin(connection, ticket.clone(), lease, Timestamp::now()).await,
            Self::Rehearsal { line, .. } => B::begin_rehearsal(connection, line.clone(), lease).await,
        }
    }
}

/// Gives back a connection on which nothing is left of a handler. Any other connection is closed.
fn end<B: Backend>(loan: Loan<B>, left: Left) {
    if left == Left::Nothing {
        loan.give_back();
    }
}
