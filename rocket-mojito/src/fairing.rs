mod database;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mojito_schema::{Backend, HandlerSpec, HostMigrations, MigrationSource};
use rocket::config::LogLevel;
use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::{Build, Orbit, Rocket, async_trait};
use rocket_db_pools::Database as HostDatabase;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

#[cfg(feature = "cli")]
use crate::cli::Command;
use crate::config::{LiveEndpoints, MojitoConfig};
#[cfg(feature = "testing")]
use crate::dispatch::Stepper;
use crate::dispatch::{Dispatcher, HandlerRuntime, Hook, MojitoHandler, Pruner, Rehearser, SecretFiles, Watcher};
use crate::ingress::Ingress;
use crate::pool::Pool;
use crate::store::{
    Database, DedicatedConnection, ErasedHook, OperationTasks, Operations, Pauses, Recorder, RecorderHandle,
    RehearsedHandler, Wakeup,
};
#[cfg(feature = "testing")]
use crate::testing::Testing;
use crate::{Error, Inbox, routes};

/// The plugin: attach it, and JobMojito's webhooks are received, recorded and handled.
///
/// ```no_run
/// # // It would open a database.
/// use rocket_mojito::{Context, Event, HandlerResult, MojitoConfig, MojitoFairing, MojitoHandler, Sqlite};
///
/// struct HiringDesk;
///
/// #[rocket::async_trait]
/// impl MojitoHandler<Sqlite> for HiringDesk {
///     async fn interview_result(&self, event: &Event, cx: &mut Context<'_, Sqlite>) -> HandlerResult {
///         let tx = cx.transaction().await?;
///         // diesel::insert_into(…).execute(tx).await?;
/// #       let _ = (event, tx);
///         Ok(())
///     }
/// }
///
/// #[rocket::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let config = MojitoConfig::from_env()?;
///     rocket::build().attach(MojitoFairing::new(config).handler(HiringDesk)).launch().await?;
///     Ok(())
/// }
/// ```
///
/// At launch it opens the database, runs its migrations and mounts its routes, unless it is
/// [`without_routes`](Self::without_routes). At liftoff it starts to run handlers, and at shutdown it stops them. Any
/// fault stops the launch with a sentence in the log.
pub struct MojitoFairing<B: Backend> {
    config: MojitoConfig,
    handlers: Vec<Arc<dyn MojitoHandler<B>>>,
    host_pool: Option<HostPool<B>>,
    migrations: Vec<HostMigrations<B::Dialect>>,
    has_routes: bool,
    running: Mutex<Option<Running<B>>>,
}

/// The host's database by name, and a function that finds its pool once it exists.
struct HostPool<B: Backend> {
    name: &'static str,
    find: fn(&Rocket<Build>) -> Option<Pool<B>>,
}

/// The parts that the launch has put together.
struct Running<B: Backend> {
    config: MojitoConfig,
    database: Arc<Database<B>>,
    recorder: Arc<Recorder>,
    operations: OperationTasks,
    endpoints: LiveEndpoints,
    pauses: Pauses,
    wakeup: Wakeup,
    recording: RecorderHandle,
    /// Owned here until the dispatcher takes it.
    runtime: Option<HandlerRuntime>,
    dispatcher: Option<Dispatcher<B>>,
}

/// A longer handler name only makes lists harder to read.
const MAX_NAME_LENGTH: usize = 200;

impl<B: Backend> MojitoFairing<B> {
    /// A fairing with these settings, without a handler: it records deliveries and answers requests, and hands nothing
    /// on.
    ///
    /// The first handler determines the database. Without a handler, name the database:
    /// `MojitoFairing::<Sqlite>::new(config)`.
    pub fn new(config: MojitoConfig) -> Self {
        let (handlers, migrations) = (Vec::new(), Vec::new());
        Self { config, handlers, host_pool: None, migrations, has_routes: true, running: Mutex::new(None) }
    }

    /// Adds a handler. Each handler has its own work.
    ///
    /// The launch enters it in the database (`mojito_handlers`). From then on every process makes work for it, even a
    /// process without handlers. Only [`Inbox::retire_handler`] ends that, so retire the former name of a handler that
    /// is renamed or removed. A [`Replay::to_handler`](crate::Replay::to_handler) hands over deliveries that were
    /// recorded before the first attach.
    pub fn handler(mut self, handler: impl MojitoHandler<B>) -> Self {
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Shares the pool of the host's database. Attach that database's fairing first.
    ///
    /// Without this call the plugin opens `databases.mojito`.
    pub fn database<D>(mut self) -> Self
    where
        D: HostDatabase<Pool = Pool<B>>,
    {
        let find = |rocket: &Rocket<Build>| rocket.state::<D>().map(|database| Pool::clone(database));
        self.host_pool = Some(HostPool { name: D::NAME, find });
        self
    }

    /// Runs the migrations of your own tables at launch, in the database that the plugin is on: its own pool's or yours.
    ///
    /// They run after the plugin's, and before any handler. Diesel lists them in `__diesel_schema_migrations`, as ever.
    /// All pending ones run in one transaction, under a lock: of several processes that launch at once, one runs them.
    /// So a statement that allows no transaction (`CREATE INDEX CONCURRENTLY`, a `PRAGMA`) cannot be in them. On Postgres
    /// a statement of more than 20 s is cut off. Run such a migration by Diesel's command line, before the launch.
    ///
    /// A migration that fails stops the launch, and none of them is kept. With `migrate = false` they do not run.
    pub fn migrations(mut self, source: impl MigrationSource<B::Dialect> + Send + Sync + 'static) -> Self {
        self.migrations.push(HostMigrations::new(source));
        self
    }

    /// Mounts no route, for a host whose own routes have guards of their own. Everything else is as ever.
    ///
    /// The host's routes take [`MojitoEvent`](crate::MojitoEvent) and call [`Inbox::record`], or vouch for a body by
    /// [`Inbox::record_body`]. A host without such a route receives nothing, and only
    /// [`silence_alert`](MojitoConfig::silence_alert) tells so. The setting [`mount`](MojitoConfig::mount) then says
    /// where the host's routes are: the feature `testing` and the command `trigger` post there.
    ///
    /// ```no_run
    /// # // It would open a database.
    /// use rocket::{post, routes};
    /// use rocket_mojito::{Inbox, MojitoConfig, MojitoEvent, MojitoFairing, Receipt, Rejection, Sqlite};
    ///
    /// # struct Inside;
    /// # #[rocket::async_trait]
    /// # impl<'r> rocket::request::FromRequest<'r> for Inside {
    /// #     type Error = ();
    /// #     async fn from_request(_: &'r rocket::Request<'_>) -> rocket::request::Outcome<Self, ()> {
    /// #         rocket::request::Outcome::Success(Self)
    /// #     }
    /// # }
    /// /// `Inside` is a guard of the host's. It decides before the body is read.
    /// #[post("/interview_result", data = "<event>")]
    /// async fn result(
    ///     _inside: Inside,
    ///     event: Result<MojitoEvent, Rejection>,
    ///     inbox: Inbox,
    /// ) -> Result<Receipt, Rejection> {
    ///     inbox.record(event?).await
    /// }
    ///
    /// #[rocket::launch]
    /// fn rocket() -> _ {
    ///     let config = MojitoConfig::from_env().expect("the settings below `mojito` are sound").mount("/hooks");
    ///     let fairing = MojitoFairing::<Sqlite>::new(config).without_routes();
    ///     rocket::build().attach(fairing).mount("/hooks", routes![result])
    /// }
    /// ```
    pub fn without_routes(mut self) -> Self {
        self.has_routes = false;
        self
    }

    /// Every fault of the setup shows here, before the first request.
    async fn assemble(&self, rocket: Rocket<Build>) -> Result<Rocket<Build>, (Rocket<Build>, Error)> {
        #[cfg(feature = "cli")]
        if let Some(command) = rocket.state::<Command>().cloned() {
            return self.assemble_command(rocket, &command).await;
        }
        match self.prepare(&rocket).await {
            Ok(running) => {
                let (config, endpoints) = (&running.config, running.endpoints.clone());
                let endpoints_in_force = endpoints.in_force();
                let rocket = if self.has_routes { routes::mount(rocket, config, &endpoints_in_force) } else { rocket };
                let notices = running.database.notices().clone();
                let ingress = Ingress::new(endpoints, config, running.pauses.clone(), notices.clone());
                let (recorder, operations) = (Arc::clone(&running.recorder), running.operations.clone());
                let (settings, pauses) = (config.inbox_settings(), running.pauses.clone());
                let inbox = Inbox::new(recorder, operations, settings, pauses, ingress.clone(), notices);
                *self.running.lock().await = Some(running);
                Ok(rocket.manage(ingress).manage(inbox))
            }
            Err(error) => Err((rocket, error)),
        }
    }

    /// The inbox of a command: no migration runs, no handler is registered, and no task is started.
    #[cfg(feature = "cli")]
    async fn assemble_command(
        &self,
        rocket: Rocket<Build>,
        command: &Command,
    ) -> Result<Rocket<Build>, (Rocket<Build>, Error)> {
        let assembled = async {
            let config = self.config.within(rocket.figment())?;
            command.set(&config);
            let endpoints = config.resolve()?;
            let names: Vec<String> = self.handler_specs(&config)?.into_iter().map(|spec| spec.name).collect();
            let pauses = Pauses::new(config.paused_endpoints(), config.paused_handlers(&names)?);
            let (setting, pool) = self.find_pool(&rocket, &config, true).await?;
            // One thread for the handler, and one for a task that it spawns.
            let runtime = Arc::new(start_runtime(2)?);
            let handlers = (self.hooks(), self.rehearsers(&config, runtime.handle(), Some(&runtime)));
            let inbox = Inbox::detached(pool, &config, pauses.clone(), endpoints.clone(), handlers).await;
            let inbox = inbox.map_err(|error| Error::database(setting, error))?;
            Ok((Ingress::new(endpoints, &config, pauses, inbox.notices().clone()), inbox))
        };
        match assembled.await {
            Ok((ingress, inbox)) => Ok(rocket.manage(ingress).manage(inbox)),
            Err(error) => Err((rocket, error)),
        }
    }

    /// The hooks by which the handlers forget a result.
    fn hooks(&self) -> Vec<Arc<dyn ErasedHook<B>>> {
        let hooks = self.handlers.iter().map(|handler| Arc::new(Hook(Arc::clone(handler))) as Arc<dyn ErasedHook<B>>);
        hooks.collect()
    }

    /// The handlers, for rehearsals on this runtime.
    fn rehearsers(
        &self,
        config: &MojitoConfig,
        runtime: &Handle,
        kept_runtime: Option<&Arc<HandlerRuntime>>,
    ) -> Vec<Arc<dyn RehearsedHandler<B>>> {
        let rehearser = |handler: &Arc<dyn MojitoHandler<B>>| Rehearser {
            handler: Arc::clone(handler),
            timeout: config.handler_timeout,
            lease: config.lease,
            runtime: runtime.clone(),
            kept_runtime: kept_runtime.cloned(),
        };
        self.handlers.iter().map(|handler| Arc::new(rehearser(handler)) as Arc<dyn RehearsedHandler<B>>).collect()
    }

    async fn prepare(&self, rocket: &Rocket<Build>) -> Result<Running<B>, Error> {
        if rocket.state::<Ingress>().is_some() {
            return Err(Error::config(
                "a second `MojitoFairing` is attached: attach one, with an endpoint for each merchant and environment",
            ));
        }
        let config = self.config.within(rocket.figment())?;
        let endpoints = config.resolve()?;
        let handlers = self.handler_specs(&config)?;
        let names: Vec<String> = handlers.iter().map(|handler| handler.name.clone()).collect();
        let pauses = Pauses::new(config.paused_endpoints(), config.paused_handlers(&names)?);
        // Each attempt has a thread, each executor, each handler's hook, and a rehearsal.
        let threads = config.handler_concurrency.saturating_add(2).saturating_mul(self.handlers.len());
        let runtime = start_runtime(threads.saturating_add(1))?;
        let database = Arc::new(self.open_database(rocket, &config, handlers, &pauses).await?);
        let wakeup = Wakeup::new();
        let queue_limit = config.queue_limit.as_u64();
        let recorder = Recorder::start(&database, &wakeup, queue_limit, config.ack_deadline);
        let Ok((recorder, recording)) = recorder.await else {
            // The log has the reason, and the process is about to end.
            database.notices().flush().await;
            return Err(Error::unavailable("a connection to record on"));
        };
        let dedicated = DedicatedConnection::new(Arc::clone(&database));
        let rehearsers = self.rehearsers(&config, runtime.handle(), None);
        let operations = Operations::new(dedicated, names, (self.hooks(), rehearsers), pauses.clone(), wakeup.clone());
        let operations = OperationTasks::new(operations, database.runtime().clone());
        let (recorder, runtime) = (Arc::new(recorder), Some(runtime));
        let dispatcher = None;
        Ok(Running {
            config,
            database,
            recorder,
            operations,
            endpoints,
            pauses,
            wakeup,
            recording,
            runtime,
            dispatcher,
        })
    }

    fn handler_specs(&self, config: &MojitoConfig) -> Result<Vec<HandlerSpec>, Error> {
        let mut names = HashSet::new();
        let spec = |handler: &Arc<dyn MojitoHandler<B>>| {
            let name = handler.name();
            if name.len() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
                return Err(Error::config(format!(
                    "the name of a handler is longer than {MAX_NAME_LENGTH} bytes or holds control characters: give it a \
                     short, plain `name()`"
                )));
            }
            if name.trim().is_empty() || !names.insert(name.clone()) {
                return Err(Error::config(format!(
                    "two handlers, or one without a name, are called `{name}`: give each a `name()` of its own"
                )));
            }
            let max_attempts = config.max_attempts.into();
            // The hook is looked for later, with a connection.
            Ok(HandlerSpec {
                name,
                takes_late: handler.takes_late(),
                wants: handler.wants(),
                max_attempts,
                has_erased_hook: false,
            })
        };
        self.handlers.iter().map(spec).collect()
    }
}

fn start_runtime(threads: usize) -> Result<HandlerRuntime, Error> {
    HandlerRuntime::start(threads).map_err(|error| {
        Error::config(format!(
            "the threads for handlers cannot be started: {error}: let the system give more, or lower \
             `mojito.handler_concurrency`"
        ))
    })
}

#[async_trait]
impl<B: Backend> Fairing for MojitoFairing<B> {
    fn info(&self) -> Info {
        Info { name: "JobMojito webhooks", kind: Kind::Ignite | Kind::Liftoff | Kind::Shutdown }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        match self.assemble(rocket).await {
            Ok(rocket) => Ok(rocket),
            Err((rocket, error)) => {
                #[cfg(feature = "cli")]
                if let Some(command) = rocket.state::<Command>().cloned() {
                    command.fail(error);
                    return Err(rocket);
                }
                tracing::error!("{error}");
                Err(rocket)
            }
        }
    }

    async fn on_liftoff(&self, rocket: &Rocket<Orbit>) {
        if !cfg!(debug_assertions) && rocket.config().log_level == LogLevel::Debug {
            tracing::warn!("at log level `debug` Rocket prints every request header, secrets included: use `normal`");
        }
        if let Some(running) = &mut *self.running.lock().await
            && let Some(runtime) = running.runtime.take()
        {
            let database = Arc::clone(&running.database);
            let handlers = self.handlers.clone();
            #[cfg(feature = "testing")]
            if let Some(testing) = rocket.state::<Testing>() {
                // A test runs the work itself, step by step. No task is started beside it.
                let steps = Stepper::new(database, handlers, running.pauses.clone(), &running.config);
                return testing.set(Box::new(steps), running.config.clone());
            }
            let (operations, notices) = (running.operations.clone(), database.notices().clone());
            let endpoints = running.config.endpoints.keys().cloned().collect();
            let watcher = Watcher { operations, notices, endpoints, silence_alert: running.config.longest_silence() };
            let (operations, notices) = (running.operations.clone(), database.notices().clone());
            let pruner = Pruner { operations, retention: running.config.retention(), notices };
            let notices = database.notices().clone();
            let secret_files = SecretFiles { endpoints: running.endpoints.clone(), notices };
            let (pauses, wakeup, upkeep) = (&running.pauses, &running.wakeup, (pruner, watcher, secret_files));
            let dispatcher =
                Dispatcher::start(database, handlers, runtime, &running.config, pauses, wakeup, upkeep).await;
            running.dispatcher = Some(dispatcher);
        }
    }

    async fn on_shutdown(&self, rocket: &Rocket<Orbit>) {
        let Some(running) = self.running.lock().await.take() else { return };
        // Rocket gives up a clean shutdown after grace, mercy and one second more, whatever its fairings do.
        let shutdown = &rocket.config().shutdown;
        let grace = Duration::from_secs(shutdown.grace.into());
        let mercy = Duration::from_secs(shutdown.mercy.into());
        let handlers = async {
            if let Some(dispatcher) = running.dispatcher {
                dispatcher.stop(grace, mercy).await;
            }
        };
        tokio::join!(handlers, running.recording.stop(grace));
        running.database.notices().flush().await;
    }
}
