use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, Settlement};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::MojitoHandler;
use super::executor::{Desk, Executor};
use super::held::Held;
use super::keeper::Keeper;
use super::pruner::Pruner;
use crate::config::{MojitoConfig, Pauses};
use crate::pool::InUse;
use crate::store::{Database, Link, Signal};

/// The background work of one process: an executor per handler, and the keeper of the leases.
pub(crate) struct Dispatcher<B: Backend> {
    desk: Desk<B>,
    stop: watch::Sender<bool>,
    executors: Vec<JoinHandle<JoinSet<()>>>,
    keeper: JoinHandle<()>,
    pruner: JoinHandle<()>,
    _pool: InUse,
}

impl<B: Backend> Dispatcher<B> {
    pub async fn start(
        database: Arc<Database<B>>,
        handlers: Vec<Arc<dyn MojitoHandler<B>>>,
        config: &MojitoConfig,
        pauses: &Pauses,
        signal: &Signal,
        pruner: Pruner,
    ) -> Self {
        let pool = database.keep_open().await;
        let link = Arc::new(Mutex::new(Link::new(Arc::clone(&database))));
        let desk = Desk { database, link, held: Held::default() };
        let (stop, stopped) = watch::channel(false);
        let executors = handlers
            .into_iter()
            .map(|handler| Executor {
                name: handler.name().into(),
                handler,
                concurrency: config.handler_concurrency,
                timeout: config.handler_timeout,
                lease: config.lease,
                desk: desk.clone(),
                pauses: pauses.clone(),
                signal: signal.clone(),
            })
            .map(|executor| tokio::spawn(executor.run(stopped.clone())))
            .collect();
        let keeper = Keeper { desk: desk.clone(), lease: config.lease, signal: signal.clone() };
        let keeper = tokio::spawn(keeper.run(stopped.clone()));
        Self { desk, stop, executors, keeper, pruner: tokio::spawn(pruner.run(stopped)), _pool: pool }
    }

    /// Stops claiming, gives running attempts `grace` to end, then releases those that did not.
    pub async fn stop(self, grace: Duration) {
        self.stop.send_replace(true);
        // What it waits for goes on by itself, step by step.
        self.pruner.abort();
        let mut attempts = Vec::new();
        for executor in self.executors {
            attempts.extend(executor.await);
        }
        let all = async {
            for attempts in &mut attempts {
                while attempts.join_next().await.is_some() {}
            }
        };
        let ended = tokio::time::timeout(grace, all).await;
        let _ = self.keeper.await;
        if ended.is_ok() {
            return;
        }
        let unfinished = self.desk.held.tickets();
        tracing::warn!(count = unfinished.len(), "attempts did not end in time and are released");
        for ticket in unfinished {
            self.desk.held.abort(&ticket);
            self.desk.settle(ticket, Settlement::Release).await;
        }
    }
}
