use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};

use super::url::Proxy;

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Notes since when a statement of a transaction has been waiting for its answer.
///
/// In our transactions the server itself ends what takes longer (`statement_timeout`). What it does not answer then,
/// it has not heard, or its answer was lost: TCP cannot tell, where whatever stands between still takes the bytes.
pub(super) struct Pulse {
    beat: Arc<Mutex<Beat>>,
    /// What the connection leads through: here, since Diesel keeps nothing else of ours.
    pub proxy: Proxy,
}

#[derive(Default)]
struct Beat {
    asked: Option<Instant>,
    is_in_transaction: bool,
    is_ending: bool,
}

/// What looks at a pulse.
pub(super) struct Watch(Weak<Mutex<Beat>>);

impl Pulse {
    pub fn of(proxy: Proxy) -> Self {
        Self { beat: Arc::default(), proxy }
    }

    pub fn watch(&self) -> Watch {
        Watch(Arc::downgrade(&self.beat))
    }
}

impl Watch {
    /// Resolves when a statement has been waiting for longer than `limit`, or soon after the connection is gone that the
    /// pulse was of.
    pub async fn stopped(self, limit: Duration) {
        while let Some(beat) = self.0.upgrade() {
            let asked = beat.lock().unwrap_or_else(PoisonError::into_inner).asked;
            if asked.is_some_and(|asked| asked.elapsed() > limit) {
                return;
            }
            drop(beat);
            tokio::time::sleep(LOOK).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Instrumentation for Pulse {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            InstrumentationEvent::BeginTransaction { depth, .. } if depth.get() == 1 => beat.is_in_transaction = true,
            InstrumentationEvent::CommitTransaction { depth, .. }
            | InstrumentationEvent::RollbackTransaction { depth, .. }
                if depth.get() == 1 =>
            {
                beat.is_ending = true;
            }
            InstrumentationEvent::StartQuery { .. } if beat.is_in_transaction => beat.asked = Some(Instant::now()),
            InstrumentationEvent::FinishQuery { .. } => {
                beat.asked = None;
                beat.is_in_transaction &= !beat.is_ending;
                beat.is_ending = false;
            }
            _ => {}
        }
    }
}
