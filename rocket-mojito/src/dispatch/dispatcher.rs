use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mojito_schema::Backend;
use tokio::sync::{Mutex, watch};
use tokio::task::{AbortHandle, JoinHandle};

use super::checkpointer::Checkpointer;
use super::discarded::Discarded;
use super::executor::Executor;
use super::heartbeat::Heartbeat;
use super::last_uses::LastUses;
use super::leases::{InFlight, Leases};
use super::notifier::Notifier;
use super::pruner::Pruner;
use super::roster::Roster;
use super::secret_files::SecretFiles;
use super::slots::Slots;
use super::supervisor::serve;
use super::watcher::Watcher;
use super::{HandlerRuntime, MojitoHandler};
use crate::config::MojitoConfig;
use crate::notices::{Notice, Notices};
use crate::pool::InUse;
use crate::store::{Database, DedicatedConnection, Pauses, Wakeup};

/// The background tasks of one process. Each handler has an executor and a task that calls its hook. The process has a
/// heartbeat, a roster, a pruner, a checkpointer, a watcher and a notifier.
pub(crate) struct Dispatcher<B: Backend> {
    leases: Leases<B>,
    stop: Stop,
    stop_last: Stop,
    slots: Vec<Slots>,
    executors: Vec<JoinHandle<()>>,
    hooks: Vec<JoinHandle<()>>,
    /// The tasks that a shutdown does not wait for.
    upkeep: Vec<JoinHandle<()>>,
    /// The tasks that running attempts need until they have ended.
    last: Vec<JoinHandle<()>>,
    abandoned: Abandoned,
    _runtime: HandlerRuntime,
    _pool: InUse,
}

/// The end of a host that is dropped without a shutdown, as local clients are in tests. Its tasks end at once, and its
/// log is closed: a database that is gone with the host is no trouble.
struct Abandoned {
    tasks: Vec<AbortHandle>,
    notices: Notices,
    has_stopped: bool,
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        if !self.has_stopped {
            self.notices.close();
            self.tasks.iter().for_each(AbortHandle::abort);
        }
    }
}

/// Tells tasks to stop, also on drop: a Rocket that is dropped without a shutdown leaves no task behind.
struct Stop(watch::Sender<bool>);

impl Stop {
    fn new() -> (Self, watch::Receiver<bool>) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), receiver)
    }

    fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.now();
    }
}

impl<B: Backend> Dispatcher<B> {
    pub async fn start(
        database: Arc<Database<B>>,
        handlers: Vec<Arc<dyn MojitoHandler<B>>>,
        runtime: HandlerRuntime,
        config: &MojitoConfig,
        pauses: &Pauses,
        wakeup: &Wakeup,
        (pruner, watcher, secret_files): (Pruner, Watcher, SecretFiles),
    ) -> Self {
        let pool = database.keep_open().await;
        let mut dedicated = DedicatedConnection::new(Arc::clone(&database));
        // Opened before other users take the server's last connection. If that fails now, the log says so.
        let _ = dedicated.open().await;
        let dedicated = Arc::new(Mutex::new(dedicated));
        let leases = Leases { database, dedicated, in_flight: InFlight::default(), given_up: Wakeup::new() };
        let (stop, stopped) = Stop::new();
        let roster = Roster { leases: leases.clone(), names: handlers.iter().map(|handler| handler.name()).collect() };
        let (mut slots, mut executors, mut hooks) = (Vec::new(), Vec::new(), Vec::new());
        for handler in handlers {
            let discarded = Discarded {
                name: handler.name().into(),
                handler: Arc::clone(&handler),
                poll_interval: config.poll_interval,
                leases: leases.clone(),
                pauses: pauses.clone(),
                runtime: runtime.handle().clone(),
            };
            hooks.push(tokio::spawn(serve(discarded, stopped.clone())));
            let executor = Executor {
                name: handler.name().into(),
                handler,
                timeout: config.handler_timeout,
                lease: config.lease,
                poll_interval: config.poll_interval,
                slots: Slots::new(config.handler_concurrency),
                leases: leases.clone(),
                pauses: pauses.clone(),
                wakeup: wakeup.clone(),
            };
            slots.push(executor.slots.clone());
            executors.push(runtime.handle().spawn(serve(executor, stopped.clone())));
        }
        let reader = Mutex::new(DedicatedConnection::new(Arc::clone(&leases.database)));
        let (pauses, operations, wakeup) = (pauses.clone(), pruner.operations.clone(), wakeup.clone());
        let heartbeat = Heartbeat {
            leases: leases.clone(),
            reader,
            lease: config.lease,
            pauses,
            operations,
            wakeup: wakeup.clone(),
        };
        let checkpointer = Checkpointer { database: Arc::clone(&leases.database), wakeup: wakeup.clone() };
        let notifier = Notifier { database: Arc::clone(&leases.database), wakeup };
        let (stop_last, stopped_last) = Stop::new();
        let last =
            vec![tokio::spawn(serve(heartbeat, stopped_last.clone())), tokio::spawn(serve(notifier, stopped_last))];
        let last_uses = LastUses { leases: leases.clone() };
        let upkeep = vec![
            tokio::spawn(serve(last_uses, stopped.clone())),
            tokio::spawn(serve(checkpointer, stopped.clone())),
            tokio::spawn(serve(watcher, stopped.clone())),
            tokio::spawn(serve(secret_files, stopped.clone())),
            tokio::spawn(serve(roster, stopped.clone())),
            tokio::spawn(serve(pruner, stopped)),
        ];
        let (_runtime, _pool) = (runtime, pool);
        let tasks = executors.iter().chain(&hooks).chain(&upkeep).chain(&last).map(JoinHandle::abort_handle).collect();
        let abandoned = Abandoned { tasks, notices: leases.database.notices().clone(), has_stopped: false };
        Self { abandoned, leases, stop, stop_last, slots, executors, hooks, upkeep, last, _runtime, _pool }
    }

    /// Stops claiming, and gives running attempts `grace` to end. Then stops and releases the rest.
    ///
    /// It takes no longer than `grace` and `mercy`, whatever handlers and the database do: a lease that could not be
    /// released lapses. The lease of a handler that still blocks its thread is not released, since another attempt
    /// would run beside it.
    pub async fn stop(mut self, grace: Duration, mercy: Duration) {
        self.abandoned.has_stopped = true;
        self.stop.now();
        // An abort is safe: a database step that such a task awaits still finishes.
        self.upkeep.iter().for_each(JoinHandle::abort);
        let Self { leases, stop_last, slots, executors, hooks, last, _runtime, _pool, .. } = self;
        let mut all_ended = pin!(async {
            for executor in executors.into_iter().chain(hooks) {
                // The executor has ended, with or without a panic.
                let _ = executor.await;
            }
            for slots in &slots {
                slots.all_ended().await;
            }
            // Not before: a running attempt needs its lease.
            stop_last.now();
            for task in last {
                let _ = task.await;
            }
        });
        if tokio::time::timeout(grace, all_ended.as_mut()).await.is_ok() {
            return;
        }
        let unfinished = leases.in_flight.tickets();
        let notices = leases.database.notices();
        notices.say(Notice::Stopped { count: unfinished.len() as u64 });
        for ticket in &unfinished {
            leases.in_flight.abort(ticket);
        }
        // No attempt is cancelled: each is a task of its own, which releases its lease.
        if tokio::time::timeout(mercy, all_ended).await.is_err() {
            notices.say(Notice::NotReleased { count: leases.in_flight.tickets().len() as u64 });
        }
    }
}
