use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mojito_schema::Backend;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::checkpointer::Checkpointer;
use super::discarded::Discarded;
use super::executor::{Executor, Slots};
use super::heartbeat::Heartbeat;
use super::leases::{InFlight, Leases};
use super::notifier::Notifier;
use super::pruner::Pruner;
use super::roster::Roster;
use super::supervisor::supervise;
use super::watcher::Watcher;
use super::{HandlerRuntime, MojitoHandler};
use crate::config::{MojitoConfig, Pauses};
use crate::notices::Notice;
use crate::pool::InUse;
use crate::store::{Database, DedicatedConnection, Wakeup};

/// The background tasks of one process. Each handler has an executor and a task that calls its hook. The process has a
/// heartbeat, a roster, a pruner, a checkpointer, a watcher and a notifier.
pub(crate) struct Dispatcher<B: Backend> {
    leases: Leases<B>,
    stop: Stop,
    stop_keeper: Stop,
    slots: Vec<Slots>,
    executors: Vec<JoinHandle<()>>,
    hooks: Vec<JoinHandle<()>>,
    keeper: JoinHandle<()>,
    pruner: JoinHandle<()>,
    roster: JoinHandle<()>,
    wire: JoinHandle<()>,
    trimmer: JoinHandle<()>,
    watcher: JoinHandle<()>,
    _runtime: HandlerRuntime,
    _pool: InUse,
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
        (pruner, watcher): (Pruner, Watcher),
    ) -> Self {
        let pool = database.keep_open().await;
        let mut link = DedicatedConnection::new(Arc::clone(&database));
        // Opened before other users take the server's last connection. If that fails now, the log says so.
        let _ = link.open().await;
        let link = Arc::new(Mutex::new(link));
        let leases = Leases { database, link, in_flight: InFlight::default(), given_up: Wakeup::new() };
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
            let hooks_stopped = stopped.clone();
            hooks.push(tokio::spawn(async move {
                let notices = discarded.leases.database.notices();
                supervise("hooks", notices, hooks_stopped.clone(), || discarded.run(hooks_stopped.clone())).await;
            }));
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
            let stopped = stopped.clone();
            executors.push(runtime.handle().spawn(async move {
                let notices = executor.leases.database.notices();
                supervise("executor", notices, stopped.clone(), || executor.run(stopped.clone())).await;
            }));
        }
        let reader = Mutex::new(DedicatedConnection::new(Arc::clone(&leases.database)));
        let keeper = Heartbeat { leases: leases.clone(), reader, lease: config.lease, wakeup: wakeup.clone() };
        let wire = Notifier { database: Arc::clone(&leases.database), wakeup: wakeup.clone() };
        let (stop_keeper, keeper_stopped) = Stop::new();
        let wire_stopped = keeper_stopped.clone();
        let wire = tokio::spawn(async move {
            supervise("wire", wire.database.notices(), wire_stopped.clone(), || wire.run(wire_stopped.clone())).await;
        });
        let keeper = tokio::spawn(async move {
            supervise("keeper", keeper.leases.database.notices(), keeper_stopped.clone(), || {
                keeper.run(keeper_stopped.clone())
            })
            .await;
        });
        let trimmer = Checkpointer { database: Arc::clone(&leases.database) };
        let trimmer_stopped = stopped.clone();
        let trimmer = tokio::spawn(async move {
            supervise("trimmer", trimmer.database.notices(), trimmer_stopped.clone(), || {
                trimmer.run(trimmer_stopped.clone())
            })
            .await;
        });
        let watcher_stopped = stopped.clone();
        let watcher = tokio::spawn(async move {
            supervise("watcher", &watcher.notices, watcher_stopped.clone(), || watcher.run(watcher_stopped.clone()))
                .await;
        });
        let roster_stopped = stopped.clone();
        let roster = tokio::spawn(async move {
            let notices = roster.leases.database.notices();
            supervise("roster", notices, roster_stopped.clone(), || roster.run(roster_stopped.clone())).await;
        });
        let pruner = tokio::spawn(async move {
            supervise("pruner", &pruner.notices, stopped.clone(), || pruner.run(stopped.clone())).await;
        });
        let (_runtime, _pool) = (runtime, pool);
        Self {
            leases,
            stop,
            stop_keeper,
            slots,
            executors,
            hooks,
            keeper,
            pruner,
            roster,
            trimmer,
            watcher,
            wire,
            _runtime,
            _pool,
        }
    }

    /// Stops claiming, and gives running attempts `grace` to end. Then stops and releases the rest.
    ///
    /// It takes no longer than `grace` and `mercy`, whatever handlers and the database do: a lease that could not be
    /// released lapses. The lease of a handler that still blocks its thread is not released, since another attempt
    /// would run beside it.
    pub async fn stop(self, grace: Duration, mercy: Duration) {
        self.stop.now();
        // An abort is safe: a database step that such a task awaits still finishes.
        self.pruner.abort();
        self.trimmer.abort();
        self.roster.abort();
        self.watcher.abort();
        let Self { leases, stop_keeper, slots, executors, hooks, keeper, wire, _runtime, _pool, .. } = self;
        let mut all_ended = pin!(async {
            for executor in executors.into_iter().chain(hooks) {
                // The executor has ended, with or without a panic.
                let _ = executor.await;
            }
            for slots in &slots {
                slots.all_ended().await;
            }
            // Not before: a running attempt needs its lease.
            stop_keeper.now();
            let _ = keeper.await;
            let _ = wire.await;
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
