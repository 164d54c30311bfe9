use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mojito_schema::Ticket;
use tokio::task::AbortHandle;

/// The tickets that this process holds, and the task that works on each.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<HashMap<Ticket, AbortHandle>>>);

impl Held {
    pub fn add(&self, ticket: Ticket, task: AbortHandle) {
        self.lock().insert(ticket, task);
    }

    pub fn remove(&self, ticket: &Ticket) {
        self.lock().remove(ticket);
    }

    /// Every ticket that is still held.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.lock().keys().cloned().collect()
    }

    /// Stops the work on a ticket.
    pub fn abort(&self, ticket: &Ticket) {
        if let Some(task) = self.lock().remove(ticket) {
            task.abort();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Ticket, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
