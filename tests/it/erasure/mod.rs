//! A person who is erased is gone, and nobody else is.

mod files;
mod handling;
mod hooks;
mod persons;
mod postgres;
mod quarantine;
mod refused;
mod steps;

use std::sync::Arc;

use rocket_mojito::{Actor, Event, Inbox, MojitoConfig, MojitoFairing, SecretConfig};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::harness::{
    AUTH, Act, BASE, Database, Ground, Host, Lifted, SECRET, Script, Seen, Store, Subject, eventually, post,
};

/// A host on either backend, and its database seen from outside.
struct Place<B: Subject> {
    store: Store<B>,
    lifted: Lifted,
}

impl<B: Subject> Place<B> {
    /// With a fairing that may have handlers.
    async fn open(attach: impl FnOnce(MojitoFairing<B>) -> MojitoFairing<B>) -> Self {
        Self::over(Store::<B>::open().await, attach).await
    }

    /// On what is stored already.
    async fn over(store: Store<B>, attach: impl FnOnce(MojitoFairing<B>) -> MojitoFairing<B>) -> Self {
        let config = MojitoConfig::new().secret("default", SecretConfig::header("test", AUTH.0, SECRET));
        let figment = Lifted::figment().merge(("databases.mojito.url", store.url()));
        let rocket = rocket::custom(figment).attach(attach(MojitoFairing::new(config)));
        Self { lifted: Lifted::launch(rocket).await, store }
    }

    fn inbox(&self) -> &Inbox {
        &self.lifted.inbox
    }

    /// Posts a body; the delivery that it is.
    async fn post(&self, body: impl AsRef<[u8]>) -> i64 {
        let path = format!("{BASE}/interview_result");
        post(self.lifted.address, &path, &[AUTH], body.as_ref()).await.delivery()
    }

    /// The deliveries that still have a body.
    async fn with_body(&mut self) -> Vec<i64> {
        let rows = self.store.deliveries().await;
        rows.into_iter().filter(|row| row.body.is_some()).map(|row| row.id).collect()
    }
}

/// What the files of a database hold.
fn files(database: &Database) -> Vec<Vec<u8>> {
    std::fs::read_dir(database.folder()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// Looks for bytes in the files of a database.
fn is_in_files(database: &Database, text: &str) -> bool {
    files(database).iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

async fn host(decide: impl Fn(&Event, i32) -> Act + Send + Sync + 'static) -> (Host, Inbox, UnboundedReceiver<Seen>) {
    let (script, seen) = Script::new(decide);
    let host = Host::builder().database(&Arc::new(Database::with_effects())).handler(script).start().await;
    let inbox = host.inbox.clone();
    (host, inbox, seen)
}

async fn all_finished(host: &Host) {
    eventually("all work is finished", || host.database.work().iter().all(|work| work.finished_at.is_some())).await;
}

fn anna() -> Actor {
    Actor::new("anna").because("asked to")
}
