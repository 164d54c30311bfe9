use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Ignite, Rocket, Shutdown};
use rocket_mojito::{Inbox, MojitoConfig, MojitoFairing, MojitoHandler, SecretConfig, Sqlite};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Answer, Database, client};

/// The secret of the default endpoint.
pub(crate) const SECRET: &str = "test-secret-0123456789abcdef";

/// A host application on a real socket, in this process.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) database: Arc<Database>,
    pub(crate) inbox: Inbox,
    shutdown: Shutdown,
    server: Option<JoinHandle<Result<Rocket<Ignite>, rocket::Error>>>,
}

/// A host that is being put together.
pub(crate) struct HostBuilder {
    database: Arc<Database>,
    config: MojitoConfig,
    attach: Vec<Box<dyn FnOnce(MojitoFairing<Sqlite>) -> MojitoFairing<Sqlite>>>,
    build: Vec<Box<dyn FnOnce(Rocket<Build>) -> Rocket<Build>>>,
}

impl Host {
    pub(crate) fn builder() -> HostBuilder {
        let secret = SecretConfig::header("test", "X-Mojito-Secret", SECRET);
        HostBuilder {
            database: Arc::new(Database::new()),
            config: MojitoConfig::new().secret("default", secret),
            attach: Vec::new(),
            build: Vec::new(),
        }
    }

    /// Posts a body to the default endpoint with its secret.
    pub(crate) async fn post(&self, event: &str, body: &[u8]) -> Answer {
        let path = format!("/webhooks/jobmojito/{event}");
        let path = path.trim_end_matches('/');
        client::post(self.address, path, &[("X-Mojito-Secret", SECRET)], body).await
    }

    /// Shuts the host down and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.shutdown.clone().notify();
        self.server.take().unwrap().await.unwrap().map(drop).unwrap();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shutdown.clone().notify();
    }
}

impl HostBuilder {
    /// Uses this database instead of a new one.
    pub(crate) fn database(mut self, database: &Arc<Database>) -> Self {
        self.database = Arc::clone(database);
        self
    }

    pub(crate) fn config(mut self, change: impl FnOnce(MojitoConfig) -> MojitoConfig) -> Self {
        self.config = change(self.config);
        self
    }

    pub(crate) fn handler(mut self, handler: impl MojitoHandler<Sqlite>) -> Self {
        self.attach.push(Box::new(|fairing| fairing.handler(handler)));
        self
    }

    /// Changes the Rocket that the fairing is attached to.
    pub(crate) fn rocket(mut self, change: impl FnOnce(Rocket<Build>) -> Rocket<Build> + 'static) -> Self {
        self.build.push(Box::new(change));
        self
    }

    pub(crate) fn figment(&self) -> Figment {
        rocket::Config::figment()
            .merge(("address", "127.0.0.1"))
            .merge(("port", 0))
            .merge(("log_level", "off"))
            .merge(("workers", 2))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", Vec::<String>::new()))
            .merge(("shutdown.grace", 2))
            .merge(("shutdown.mercy", 1))
            .merge(("databases.mojito.url", self.database.path().to_str().unwrap()))
    }

    /// The Rocket, not launched.
    pub(crate) fn build(self) -> Rocket<Build> {
        let figment = self.figment();
        let mut fairing = MojitoFairing::new(self.config);
        for attach in self.attach {
            fairing = attach(fairing);
        }
        let mut rocket = rocket::custom(figment).attach(fairing);
        for build in self.build {
            rocket = build(rocket);
        }
        rocket
    }

    /// Launches and waits until the host listens.
    pub(crate) async fn start(self) -> Host {
        let database = Arc::clone(&self.database);
        let (sender, lifted) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let tell = AdHoc::on_liftoff("tell the port", move |rocket| {
            let config = rocket.config();
            let address = SocketAddr::new(config.address, config.port);
            let sender = sender.lock().unwrap().take();
            Box::pin(async move {
                let _ = sender.unwrap().send(address);
            })
        });
        let rocket = self.build().attach(tell).ignite().await.unwrap();
        let inbox = rocket.state::<Inbox>().expect("managed by the fairing").clone();
        let shutdown = rocket.shutdown();
        let server = tokio::spawn(rocket.launch());
        let address = lifted.await.expect("the host lifts off");
        Host { address, database, inbox, shutdown, server: Some(server) }
    }
}
