use std::sync::Arc;

use mojito_schema::{Backend, Open, OpenError};

use super::Database;

/// A connection that one task owns for as long as it lives, opened again after a failure.
///
/// So neither ingress nor dispatch competes for the host's pool.
pub(crate) struct Link<B: Backend> {
    database: Arc<Database<B>>,
    connection: Option<B::Connection>,
}

impl<B: Backend> Link<B> {
    pub fn new(database: Arc<Database<B>>) -> Self {
        Self { database, connection: None }
    }

    pub fn database(&self) -> &Arc<Database<B>> {
        &self.database
    }

    /// The connection, opened if need be. A database that has vanished is an error: it is never created here.
    pub async fn connection(&mut self) -> Result<&mut B::Connection, OpenError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => B::open(self.database.url(), Open::Existing).await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// Closes the connection. After an error nobody knows what state it is in.
    pub fn reset(&mut self) {
        self.connection = None;
    }
}
