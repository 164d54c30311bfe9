use std::net::SocketAddr;
use std::sync::Arc;

use rocket::figment::{Figment, Provider};
use rocket::{Build, Rocket};
use rocket_mojito::{Event, Inbox, MojitoConfig, MojitoFairing, MojitoHandler, SecretConfig, Sqlite};

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    Answer, Connection, Database, Log, ObservedAttempt, ScriptedAction, ScriptedHandler, TestServer, client, drained,
};

/// The secret of the default endpoint.
pub(crate) const SECRET: &str = "test-secret-0123456789abcdef";

/// The header that authenticates at the default endpoint.
pub(crate) const AUTH: (&str, &str) = ("X-Mojito-Secret", SECRET);

/// Where the default endpoint lives.
pub(crate) const BASE: &str = "/webhooks/jobmojito";

/// A configuration whose default endpoint has the secret of the tests.
pub(crate) fn config() -> MojitoConfig {
    MojitoConfig::new().secret("default", SecretConfig::header("test", AUTH.0, SECRET))
}

type Attach = Box<dyn FnOnce(MojitoFairing<Sqlite>) -> MojitoFairing<Sqlite>>;
type Change = Box<dyn FnOnce(Rocket<Build>) -> Rocket<Build>>;

/// A host application on a real socket, in this process.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) database: Arc<Database>,
    pub(crate) inbox: Inbox,
    server: TestServer,
}

/// A host that is being put together.
pub(crate) struct HostBuilder {
    database: Arc<Database>,
    has_database: bool,
    config: MojitoConfig,
    figment: Figment,
    attach: Vec<Attach>,
    build_before: Vec<Change>,
    build: Vec<Change>,
}

impl Host {
    /// A host on a database that has effects, whose handler does as `decide` says, with what it has seen.
    pub(crate) async fn scripted(
        decide: impl Fn(&Event, i32) -> ScriptedAction + Send + Sync + 'static,
    ) -> (Self, Inbox, UnboundedReceiver<ObservedAttempt>) {
        let (script, seen) = ScriptedHandler::new(decide);
        let host = Self::builder().database(&Arc::new(Database::with_effects())).handler(script).start().await;
        let inbox = host.inbox.clone();
        (host, inbox, seen)
    }

    pub(crate) async fn drained(&self) {
        drained(&self.database).await;
    }

    pub(crate) fn builder() -> HostBuilder {
        Log::install();
        HostBuilder {
            database: Arc::new(Database::new()),
            has_database: true,
            config: config(),
            figment: Figment::new(),
            attach: Vec::new(),
            build_before: Vec::new(),
            build: Vec::new(),
        }
    }

    /// Posts a body to the default endpoint with its secret.
    pub(crate) async fn post(&self, event: &str, body: &[u8]) -> Answer {
        let path = format!("{BASE}/{event}");
        self.post_with(path.trim_end_matches('/'), &[AUTH], body).await
    }

    /// Posts a body to a path with these headers alone.
    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        client::post(self.address, path, headers, body).await
    }

    /// Sends these bytes on a connection of their own, and nothing more; waits for an answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Answer {
        let mut connection = self.connect().await;
        connection.send(bytes).await;
        connection.answer().await.expect("an answer")
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Begins the shutdown, and does not wait for it.
    pub(crate) fn begin_to_stop(&self) {
        self.server.begin_to_stop();
    }

    /// Shuts the host down and waits until it has ended.
    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

impl HostBuilder {
    /// Uses this database instead of a new one.
    pub(crate) fn database(mut self, database: &Arc<Database>) -> Self {
        self.database = Arc::clone(database);
        self
    }

    /// Says nothing of `databases.mojito`.
    pub(crate) fn without_database(mut self) -> Self {
        self.has_database = false;
        self
    }

    pub(crate) fn config(mut self, change: impl FnOnce(MojitoConfig) -> MojitoConfig) -> Self {
        self.config = change(self.config);
        self
    }

    pub(crate) fn handler(self, handler: impl MojitoHandler<Sqlite>) -> Self {
        self.fairing(|fairing| fairing.handler(handler))
    }

    /// Changes Rocket's configuration.
    pub(crate) fn merge(mut self, provider: impl Provider) -> Self {
        self.figment = self.figment.merge(provider);
        self
    }

    /// Changes the plugin's fairing.
    pub(crate) fn fairing(
        mut self,
        change: impl FnOnce(MojitoFairing<Sqlite>) -> MojitoFairing<Sqlite> + 'static,
    ) -> Self {
        self.attach.push(Box::new(change));
        self
    }

    /// Changes the Rocket before the fairing is attached.
    pub(crate) fn rocket_before(mut self, change: impl FnOnce(Rocket<Build>) -> Rocket<Build> + 'static) -> Self {
        self.build_before.push(Box::new(change));
        self
    }

    /// Changes the Rocket that the fairing is attached to.
    pub(crate) fn rocket(mut self, change: impl FnOnce(Rocket<Build>) -> Rocket<Build> + 'static) -> Self {
        self.build.push(Box::new(change));
        self
    }

    fn figment(&self) -> Figment {
        let figment = TestServer::figment();
        let path = self.database.path();
        let figment = match self.has_database {
            true => figment.merge(("databases.mojito.url", path.to_str().unwrap())),
            false => figment,
        };
        figment.merge(&self.figment)
    }

    /// The Rocket, not launched. The database lives as long as it does.
    pub(crate) fn build(self) -> Rocket<Build> {
        let figment = self.figment();
        let mut fairing = MojitoFairing::new(self.config);
        for attach in self.attach {
            fairing = attach(fairing);
        }
        let mut rocket = rocket::custom(figment).manage(self.database);
        for build in self.build_before {
            rocket = build(rocket);
        }
        rocket = rocket.attach(fairing);
        for build in self.build {
            rocket = build(rocket);
        }
        rocket
    }

    /// Launches and waits until the host listens.
    pub(crate) async fn start(self) -> Host {
        let database = Arc::clone(&self.database);
        let server = TestServer::launch(self.build()).await;
        Host { address: server.address, database, inbox: server.inbox.clone(), server }
    }
}
