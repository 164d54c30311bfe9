//! A person who is erased is gone, and nobody else is.

mod files;
mod handling;
mod hooks;
mod persons;
mod postgres;
mod quarantine;
mod refused;
mod steps;

use memchr::memmem;
use rocket_mojito::{Actor, Inbox, MojitoFairing};

use crate::harness::{Database, Store, TestBackend, TestDatabase, TestServer, config};

/// A host on either backend, and its database seen from outside.
struct ErasureFixture<B: TestBackend> {
    store: Store<B>,
    server: TestServer,
}

impl<B: TestBackend> ErasureFixture<B> {
    /// With a fairing that may have handlers.
    async fn open(attach: impl FnOnce(MojitoFairing<B>) -> MojitoFairing<B>) -> Self {
        Self::over(Store::<B>::open().await, attach).await
    }

    /// On what is stored already.
    async fn over(store: Store<B>, attach: impl FnOnce(MojitoFairing<B>) -> MojitoFairing<B>) -> Self {
        Self { server: TestServer::on(store.url(), attach(MojitoFairing::new(config()))).await, store }
    }

    fn inbox(&self) -> &Inbox {
        &self.server.inbox
    }

    /// Posts a body; the delivery that it is.
    async fn post(&self, body: impl AsRef<[u8]>) -> i64 {
        self.server.post(body).await.delivery()
    }

    /// The deliveries that still have a body.
    async fn with_body(&mut self) -> Vec<i64> {
        let rows = self.store.deliveries().await;
        rows.into_iter().filter(|row| row.body.is_some()).map(|row| row.id).collect()
    }
}

/// The bytes of each file of a database.
fn files(database: &Database) -> Vec<Vec<u8>> {
    std::fs::read_dir(database.folder()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

/// Looks for bytes in the files of a database.
fn is_in_files(database: &Database, text: &str) -> bool {
    files(database).iter().any(|bytes| memmem::find(bytes, text.as_bytes()).is_some())
}

fn anna() -> Actor {
    Actor::new("anna").because("asked to")
}
