use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::AbortHandle;
use mojito_schema::Ticket;

/// The tickets that this process holds, and how to stop the work on each.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<HashMap<Ticket, AbortHandle>>>);

/// A ticket that is held for as long as this lives.
pub(super) struct Hold {
    held: Held,
    ticket: Ticket,
}

impl Held {
    pub fn hold(&self, ticket: Ticket, abort: AbortHandle) -> Hold {
        self.lock().insert(ticket.clone(), abort);
        Hold { held: self.clone(), ticket }
    }

    /// Every ticket that is held.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.lock().keys().cloned().collect()
    }

    /// Stops the work on a ticket, as soon as it waits for something.
    pub fn abort(&self, ticket: &Ticket) {
        if let Some(abort) = self.lock().get(ticket) {
            abort.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Ticket, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.lock().remove(&self.ticket);
    }
}
