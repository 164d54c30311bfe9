use std::net::SocketAddr;
use std::sync::Mutex;

use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Ignite, Rocket, Shutdown};
use rocket_mojito::{Backend, Inbox, MojitoFairing};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{AUTH, Answer, BASE, post};

/// A Rocket with the plugin that listens on a port of its own, in this process. It ends when this is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) inbox: Inbox,
    shutdown: Shutdown,
    server: Option<JoinHandle<Result<Rocket<Ignite>, rocket::Error>>>,
}

impl TestServer {
    /// The configuration of a Rocket that is silent, listens on a free port and heeds no signal.
    pub(crate) fn figment() -> Figment {
        Figment::from(rocket::Config::default())
            .merge(("address", "127.0.0.1"))
            .merge(("port", 0))
            .merge(("log_level", "off"))
            .merge(("workers", 2))
            .merge(("shutdown.ctrlc", false))
            .merge(("shutdown.signals", Vec::<String>::new()))
            .merge(("shutdown.grace", 2))
            .merge(("shutdown.mercy", 1))
    }

    /// Launches a Rocket and waits until it listens.
    pub(crate) async fn launch(rocket: Rocket<Build>) -> Self {
        let (sender, listening) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let tell = AdHoc::on_liftoff("tell the port", move |rocket| {
            let config = rocket.config();
            let address = SocketAddr::new(config.address, config.port);
            let sender = sender.lock().unwrap().take();
            Box::pin(async move {
                let _ = sender.unwrap().send(address);
            })
        });
        let rocket = rocket.attach(tell).ignite().await.unwrap();
        let inbox = rocket.state::<Inbox>().expect("managed by the fairing").clone();
        let shutdown = rocket.shutdown();
        let server = tokio::spawn(rocket.launch());
        let address = listening.await.expect("the host lifts off");
        Self { address, inbox, shutdown, server: Some(server) }
    }

    /// Launches a Rocket with this fairing on the database at a URL.
    pub(crate) async fn on<B: Backend>(url: &str, fairing: MojitoFairing<B>) -> Self {
        let figment = Self::figment().merge(("databases.mojito.url", url));
        Self::launch(rocket::custom(figment).attach(fairing)).await
    }

    /// Posts an `interview_result` to the default endpoint with its secret.
    pub(crate) async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        post(self.address, &format!("{BASE}/interview_result"), &[AUTH], body.as_ref()).await
    }

    /// Begins the shutdown, and does not wait for it.
    pub(crate) fn begin_to_stop(&self) {
        self.shutdown.clone().notify();
    }

    /// Shuts it down and waits until it has ended.
    pub(crate) async fn stop(mut self) {
        self.begin_to_stop();
        match self.server.take().unwrap().await.unwrap() {
            Ok(_) => {}
            // Rocket leaves a connection open that it accepted in the moment in which it was told to stop.
            Err(error) if matches!(error.kind(), ErrorKind::Shutdown(_, None)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_to_stop();
    }
}
