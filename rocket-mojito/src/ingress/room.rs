use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rocket::data::ByteUnit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::authentication::Authenticated;
use super::{Cause, Rejection};

/// Only a larger body waits for room. JobMojito's bodies are a few kB, so they never wait for large ones.
pub(super) const MAX_SMALL_BODY: u64 = 16 << 10;

/// The size up to which an unauthenticated sender's body stays in the room of many, where it never waits for a larger
/// one.
const MAX_MEDIUM_BODY: u64 = 64 << 10;

/// The time for which an unauthenticated sender may hold the room of many while others wait for it.
const LOAN_TIMEOUT: Duration = Duration::from_secs(1);

/// The memory limits for arriving bodies.
///
/// All senders with a proven secret share one room. Other senders share rooms with the same endpoint's senders only. So
/// a sender who knows only a URL holds up nobody else.
pub(super) struct Rooms {
    authenticated: [Room; 1],
    unauthenticated: HashMap<String, [Room; 2]>,
}

impl Rooms {
    /// At most `total` bytes of large bodies are in memory at once, however many clients send them; one body of `size`
    /// always is let in. Each `unauthenticated` endpoint has as much again for senders without a secret. Half of that
    /// is for bodies up to [`MAX_MEDIUM_BODY`], half for larger ones.
    pub fn new<'n>(size: ByteUnit, total: ByteUnit, unauthenticated: impl Iterator<Item = &'n str>) -> Self {
        let (size, half) = (size.as_u64(), total.as_u64() / 2);
        let of_one = || [Room::new(MAX_MEDIUM_BODY, half, Some(LOAN_TIMEOUT)), Room::new(size, half, None)];
        Self {
            authenticated: [Room::new(size, total.as_u64(), None)],
            unauthenticated: unauthenticated.map(|name| (name.to_owned(), of_one())).collect(),
        }
    }

    /// The rooms that a body passes through as it grows.
    pub fn of(&self, sender: &Authenticated<'_>) -> &[Room] {
        match self.unauthenticated.get(&sender.endpoint.name) {
            Some(rooms) if sender.secret_id.is_none() => rooms,
            _ => &self.authenticated,
        }
    }
}

/// Memory for arriving bodies up to some size.
pub(super) struct Room {
    /// The maximum size of a body in this room.
    pub size: u64,
    free: Arc<Semaphore>,
    waiting: watch::Sender<usize>,
    lent: Option<Duration>,
}

impl Room {
    fn new(size: u64, total: u64, lent: Option<Duration>) -> Self {
        let free = Arc::new(Semaphore::new(kibibytes(total.max(size)) as usize));
        Self { size, free, waiting: watch::Sender::new(0), lent }
    }

    /// Waits for all the room that a body may need, at once. Otherwise bodies that each held a part would wait for each
    /// other.
    pub async fn enter(&self, declared: Option<u64>, until: Instant) -> Result<OwnedSemaphorePermit, Rejection> {
        let most = kibibytes(declared.unwrap_or(u64::MAX).min(self.size));
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(most) {
            return Ok(permit);
        }
        let _waiting = Waiting::new(&self.waiting);
        let permit = timeout_at(until, Arc::clone(&self.free).acquire_many_owned(most)).await;
        permit.ok().and_then(Result::ok).ok_or(Rejection::new(Cause::NoRoom))
    }

    /// Reads on, unless the room is lent, the loan is over and another body waits for it.
    pub async fn hold(&self, reading: impl Future<Output = Result<(), Rejection>>) -> Result<(), Rejection> {
        let Some(lent) = self.lent else { return reading.await };
        let mut waiting = self.waiting.subscribe();
        let wanted_back = async {
            sleep(lent).await;
            // The channel never closes, since this room owns its sender.
            let _ = waiting.wait_for(|count| *count > 0).await;
        };
        tokio::select! {
            biased;
            outcome = pin!(reading) => outcome,
            () = wanted_back => Err(Rejection::new(Cause::NoRoom)),
        }
    }
}

/// Counts one waiting body until it is dropped.
struct Waiting<'r>(&'r watch::Sender<usize>);

impl<'r> Waiting<'r> {
    fn new(count: &'r watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Rounds up, and caps at the maximum of a semaphore.
fn kibibytes(bytes: u64) -> u32 {
    const MAX_PERMITS: u32 = u32::MAX >> 3;
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(MAX_PERMITS).min(MAX_PERMITS)
}
