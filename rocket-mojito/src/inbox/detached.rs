use std::sync::Arc;

use mojito_schema::{Backend, OpenError};

use super::Inbox;
use crate::Error;
use crate::config::{LiveEndpoints, MojitoConfig};
use crate::ingress::Ingress;
use crate::notices::Notices;
use crate::pool::Pool;
use crate::store::{
    CalledHandlers, Database, DedicatedConnection, OperationTasks, Operations, Pauses, Recorder, Unavailable, Wakeup,
};

impl Inbox {
    /// An inbox for operators beside the running hosts. It migrates nothing, registers no handler, and records nothing:
    /// [`record`](Self::record) answers 503. The hooks and the handlers are those that this process knows.
    pub(crate) async fn detached<B: Backend>(
        pool: Pool<B>,
        config: &MojitoConfig,
        pauses: Pauses,
        endpoints: LiveEndpoints,
        (hooks, rehearsed): CalledHandlers<B>,
    ) -> Result<Self, OpenError> {
        let notices = Notices::start().map_err(OpenError::no_connection)?;
        let database = Arc::new(Database::new(pool, notices.clone()).await?);
        let (wakeup, operator) = (Wakeup::new(), DedicatedConnection::new(database));
        let handlers = hooks.iter().map(|hook| hook.name()).collect();
        let runtime = operator.database().runtime().clone();
        let operations = Operations::new(operator, handlers, (hooks, rehearsed), pauses.clone(), wakeup);
        let operations = OperationTasks::new(operations, runtime);
        let recorder = Arc::new(Recorder::closed());
        let ingress = Ingress::new(endpoints, config, pauses.clone(), notices.clone());
        Ok(Self::new(recorder, operations, config.inbox_settings(), pauses, ingress, notices))
    }

    /// The notices that need a person.
    pub(crate) fn notices(&self) -> &Notices {
        &self.notices
    }

    /// The names of the migrations that have not run.
    pub(crate) async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let asked =
            self.operations.run(async move |operations| Ok::<_, Unavailable>(operations.pending_migrations().await));
        asked.await.map_err(|_| Error::unavailable("the migrations"))?.map_err(refused)
    }

    /// Runs the migrations that have not run.
    pub(crate) async fn migrate(&self) -> Result<(), Error> {
        let run = self.operations.run(async move |operations| Ok::<_, Unavailable>(operations.migrate().await));
        run.await.map_err(|_| Error::unavailable("the migrations"))?.map_err(refused)
    }
}

fn refused(error: OpenError) -> Error {
    Error::database("databases.mojito.url", error)
}
