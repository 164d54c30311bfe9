//! Postgres: many processes, row locks, and whole transactions that run again after a conflict.

mod bulk;
mod claim;
mod connection;
mod erasure;
mod facts;
mod fence;
mod former;
mod handlers;
mod handshake;
mod ids;
mod line;
mod lookup;
mod migrations;
mod notify;
mod opening;
mod parameter;
mod record;
mod refusal;
mod rehearsal;
mod rescue;
#[cfg_attr(feature = "sqlite", expect(clippy::duplicate_mod, reason = "each backend has it with its own connection"))]
#[path = "../shared/mod.rs"]
mod shared;
mod stream;
#[cfg(feature = "sqlite")]
pub(crate) mod target;
mod tls;
mod transaction;
mod url;
mod watchdog;

use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[cfg(mojito_internals)]
pub(crate) use self::fence::complete;
use self::handlers::Patience;
use self::line::{keep_delivery, lock_deliveries, lock_idle, lock_wait, promote, skip_overtaken};
#[cfg(mojito_internals)]
pub(crate) use self::migrations::run_all as migrate;
use self::transaction::TransactionSettings;
use crate::engine::db_error::{is_in_the_way, unknown};
use crate::{
    Backend, ClaimRequest, Claimed, Left, Line, NewDelivery, NotCommitted, OwedHook, Preview, Recorded, Recording,
    Rehearsing, Rescue, RolledBack, Settlement, State, Ticket, Timestamp, WorkQueue,
};

/// Postgres, or any server that speaks its protocol and has `SKIP LOCKED`: for many processes.
///
/// Every verb is one transaction at READ COMMITTED that makes its own settings: nothing is left to the session. The
/// database's clock judges leases and due times.
///
/// # The URL
///
/// `postgres://user:password@host:port/name`, special characters percent-encoded. After a `?`, besides the parameters
/// of `tokio-postgres` (`connect_timeout`, `keepalives_idle` and so on):
///
/// | `sslmode` | encrypted | the server's certificate is |
/// | --- | --- | --- |
/// | `disable` | no | |
/// | `prefer` | if the server can | not verified |
/// | `require` | yes | verified if `sslrootcert` is a file, else not |
/// | `verify-ca` | yes | verified, for whichever host |
/// | `verify-full` | yes | verified, for this host |
///
/// These have the meanings of Postgres' own client, and a written `sslmode` decides. Without one it is `verify-full`,
/// but for a server on this machine (`localhost`, a loopback address, a socket), where it is `prefer`.
///
/// `sslrootcert` is a PEM file with the roots to trust, or `system` (default): those of the operating system.
///
/// `proxy=transaction` says that there is a proxy in between that hands each transaction to another session, such as
/// PgBouncer with `pool_mode = transaction`. Then no prepared statement outlives its transaction, which costs round
/// trips. Processes do not notify each other of work: they find it within `poll_interval`. Queries of your own on such
/// a connection need a transaction around them (`connection.transaction(…)`), since Diesel prepares each. Leave it away
/// for PgBouncer 1.21 or later with `max_prepared_statements` above zero.
///
/// A parameter that nobody reads stops the launch. The message names the parameter and its equivalent here. A parameter
/// that changes nothing is ignored (`gssencmode=disable`, `client_encoding=UTF8`). A refused connection is reported
/// with the class and SQLSTATE of the server's refusal; the server's message is not quoted.
///
/// A network or a server that goes silent is noticed within 30 s. TCP's own keepalives, a limit on opening a
/// connection, and a limit on the answer within a transaction see to that. The server notices a host that is gone: its
/// keepalives are set for the session. Behind a proxy they are not set, because the proxy has sessions and a network of
/// its own.
///
/// # A handler's transaction
///
/// The transaction has the database's default isolation level; where that makes it fail, it is run again soon, as after
/// a deadlock. A statement may take 15 s, and a pause between two as long as the lease: then the server ends the
/// transaction. Afterwards the session is as it was opened: every setting made since is undone, no matter which code
/// made it.
#[derive(Debug, Clone, Copy)]
pub enum Postgres {}

type Connection = AsyncPgConnection;

/// Diesel's name for this database.
type Db = diesel::pg::Pg;

/// The tries of a transaction that is in conflict with others.
const MAX_TRIES: u32 = 5;

/// How long the server may be silent over a statement, or over a verb. A statement may take less long, by
/// `statement_timeout`. After such a silence the connection is given up: a new one is there before 30 s have passed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs a whole transaction again after a conflict with another transaction.
macro_rules! again {
    ($transaction:expr) => {{
        let mut tries = 1;
        loop {
            match $transaction.await {
                Err(error) if is_in_the_way(&error) && tries < MAX_TRIES => tries += 1,
                outcome => break outcome,
            }
        }
    }};
}

/// Runs `$body` in one transaction, and all of it again after a conflict with another transaction.
///
/// `$now` is the time by the database's clock: it judges leases and due times, whatever the processes' clocks say.
macro_rules! transaction {
    ($connection:ident, |$c:ident, $now:ident| $body:expr) => {
        transaction!($connection, TransactionSettings::default(), |$c, $now| $body)
    };
    ($connection:ident, $settings:expr, |$c:ident, $now:ident| $body:expr) => {
        transaction!($connection, $settings, |$c| async {
            let $now = transaction::now($c).await?;
            $body.await
        })
    };
    ($connection:ident, $settings:expr, |$c:ident| $body:expr) => {
        again!(async {
            transaction::begin($connection, $settings).await?;
            let $c = &mut *$connection;
            let outcome = $body.await;
            transaction::end($connection, outcome).await
        })
    };
}

/// Runs `$body` in one transaction, and keeps others from recording beside it.
macro_rules! alone {
    ($connection:ident, |$c:ident, $now:ident| $body:expr) => {{
        let mut patience = Patience::new();
        loop {
            let done = with_timeout(async {
                transaction!($connection, |$c, $now| async {
                    handlers::change_handlers($c).await?;
                    $body.await
                })
            });
            match done.await {
                Err(error) if patience.lasts(&error) => patience.pause().await,
                outcome => break outcome,
            }
        }
    }};
}

// Declared after the macros, because they use them.
mod operations;
mod testing;

/// The outcome of a verb, unless the server is silent over it. The caller closes the connection of a verb that was
/// dropped half-way: see [`Engine`](crate::engine::backend::sealed::Engine).
async fn with_timeout<R>(verb: impl Future<Output = QueryResult<R>>) -> QueryResult<R> {
    let answer = tokio::time::timeout(SILENCE_TIMEOUT, verb).await;
    answer.unwrap_or_else(|_| Err(unknown("the server fell silent")))
}

impl Backend for Postgres {
    type Connection = Connection;

    const NAME: &'static str = "Postgres";
}

impl Recording<Connection> for Postgres {
    async fn record(
        connection: &mut Connection,
        batch: Arc<Vec<NewDelivery>>,
        _: Timestamp,
    ) -> QueryResult<Vec<Option<Recorded>>> {
        with_timeout(async {
            let mut tries = 1;
            loop {
                match record::record(connection, &batch).await {
                    Err(error) if is_in_the_way(&error) && tries < MAX_TRIES => {
                        tries += 1;
                        if ids::are_behind(&error) {
                            ids::mend(connection).await?;
                        }
                    }
                    outcome => break outcome,
                }
            }
        })
        .await
    }

    async fn try_record(connection: &mut Connection, delivery: NewDelivery, _: Timestamp) -> QueryResult<()> {
        with_timeout(record::try_record(connection, &delivery)).await
    }

    async fn prove(connection: &mut Connection) -> QueryResult<()> {
        transaction!(connection, TransactionSettings::default(), |c| shared::prove(c))
    }
}

impl WorkQueue<Connection> for Postgres {
    async fn claim(connection: &mut Connection, request: ClaimRequest, _: Timestamp) -> QueryResult<Claimed> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::in_order(), |c, now| claim::claim(c, &request, now))
        })
        .await
    }

    async fn begin(connection: &mut Connection, ticket: Ticket, lease: Duration, _: Timestamp) -> QueryResult<bool> {
        with_timeout(fence::begin(connection, &ticket, lease)).await
    }

    async fn commit(connection: &mut Connection, line: Option<Line>) -> Result<Left, NotCommitted> {
        let answer = tokio::time::timeout(SILENCE_TIMEOUT, fence::commit(connection, line.as_ref())).await;
        answer.unwrap_or_else(|_| Err(NotCommitted::Unknown(unknown("the server fell silent"))))
    }

    async fn rollback(connection: &mut Connection) -> QueryResult<Left> {
        with_timeout(fence::rollback(connection)).await
    }

    async fn settle(
        connection: &mut Connection,
        ticket: Ticket,
        settlement: Settlement,
        _: Timestamp,
    ) -> QueryResult<Option<State>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::without_wait(), |c, now| async {
                shared::settle(c, &ticket, &settlement, now).await
            })
        })
        .await
    }

    async fn renew_and_rescue(
        connection: &mut Connection,
        held: Vec<Ticket>,
        lease: Duration,
        _: Timestamp,
    ) -> QueryResult<Rescue> {
        with_timeout(async { transaction!(connection, |c, now| rescue::renew_and_rescue(c, &held, lease, now)) }).await
    }

    async fn take_hook(
        connection: &mut Connection,
        handler: Arc<str>,
        lease: Duration,
        _: Timestamp,
    ) -> QueryResult<Option<OwedHook>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::without_wait(), |c, now| shared::take_hook(
                c, &handler, lease, now
            ))
        })
        .await
    }

    async fn settle_hook(
        connection: &mut Connection,
        owed: OwedHook,
        pause: Option<Duration>,
        _: Timestamp,
    ) -> QueryResult<bool> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::without_wait(), |c, now| shared::settle_hook(
                c, &owed, pause, now
            ))
        })
        .await
    }

    async fn lines_without_first(connection: &mut Connection) -> QueryResult<Vec<Line>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::lines_without_first(c))
        })
        .await
    }

    async fn promote(connection: &mut Connection, lines: Vec<Line>) -> QueryResult<u64> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::without_wait(), |c| shared::promote_lines(c, &lines))
        })
        .await
    }

    async fn overlong_waits(connection: &mut Connection, _: Timestamp) -> QueryResult<Vec<(i64, String)>> {
        with_timeout(async { transaction!(connection, |c, now| shared::overlong_waits(c, now)) }).await
    }

    async fn cut_waits(connection: &mut Connection, waits: Vec<(i64, String)>, _: Timestamp) -> QueryResult<u64> {
        with_timeout(async { transaction!(connection, |c, now| shared::cut_waits(c, &waits, now)) }).await
    }
}

impl Rehearsing<Connection> for Postgres {
    async fn preview(connection: &mut Connection, delivery_id: i64, handler: String) -> QueryResult<Option<Preview>> {
        with_timeout(async {
            transaction!(connection, TransactionSettings::default(), |c| shared::preview(c, delivery_id, &handler))
        })
        .await
    }

    async fn begin_rehearsal(connection: &mut Connection, line: Line, pause: Duration) -> QueryResult<bool> {
        with_timeout(rehearsal::begin(connection, &line, pause)).await
    }

    async fn end_rehearsal(connection: &mut Connection, line: Line) -> Result<RolledBack, NotCommitted> {
        let answer = tokio::time::timeout(SILENCE_TIMEOUT, rehearsal::end(connection, &line)).await;
        answer.unwrap_or_else(|_| Err(NotCommitted::Unknown(unknown("the server fell silent"))))
    }
}
