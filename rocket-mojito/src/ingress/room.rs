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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Endpoint;

    const SECOND: Duration = Duration::from_secs(1);

    fn no_room<T>(outcome: Result<T, Rejection>) -> bool {
        outcome.err() == Some(Rejection::new(Cause::NoRoom))
    }

    #[test]
    fn room_is_counted_in_whole_kibibytes() {
        let counts = [(0, 0), (1, 1), (1024, 1), (1025, 2), (10 << 20, 10 << 10)];

        for (bytes, count) in counts {
            assert_eq!(kibibytes(bytes), count, "{bytes}");
        }
        assert_eq!(kibibytes(u64::MAX), u32::MAX >> 3);
        assert!(Semaphore::MAX_PERMITS >= kibibytes(u64::MAX) as usize);
    }

    #[test]
    fn only_who_has_proven_nothing_at_an_endpoint_without_secrets_has_rooms_apart() {
        let rooms = Rooms::new(ByteUnit::from(1 << 20), ByteUnit::from(8 << 20), ["open"].into_iter());
        let sizes = |name: &str, secret_id| {
            let endpoint = Endpoint { name: name.to_owned(), secrets: Vec::new(), keys: Vec::new() };
            let sender = Authenticated { endpoint: &endpoint, secret_id };
            let sizes = rooms.of(&sender).iter().map(|room| (room.size, room.free.available_permits()));
            sizes.collect::<Vec<_>>()
        };

        let (medium, all) = ((64 << 10, 4 << 10), (1 << 20, 4 << 10));
        assert_eq!(sizes("open", None), [medium, all]);
        assert_eq!(sizes("open", Some("first")), [(1 << 20, 8 << 10)]);
        assert_eq!(sizes("other", None), [(1 << 20, 8 << 10)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_takes_the_room_that_it_declares_and_waits_for_it_for_so_long() {
        let room = Room::new(4 << 10, 4 << 10, None);
        let until = Instant::now() + SECOND;

        let first = room.enter(Some(3 << 10), until).await.unwrap();
        let second = room.enter(Some(1), until).await.unwrap();
        assert_eq!(room.free.available_permits(), 0);
        assert!(no_room(room.enter(Some(1), until).await));
        assert_eq!((Instant::now(), *room.waiting.borrow()), (until, 0));

        drop((first, second));
        // Without a declared length it may become as long as the room lets one.
        let third = room.enter(None, until).await.unwrap();
        assert_eq!(room.free.available_permits(), 0);
        drop(third);
        assert!(room.enter(Some(u64::MAX), until).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_room_has_place_for_one_body_however_small_it_is() {
        let room = Room::new(4 << 10, 1 << 10, None);

        assert!(room.enter(None, Instant::now()).await.is_ok());
    }

    /// A body that never arrives.
    async fn held(room: &Room) -> Result<(), Rejection> {
        room.hold(std::future::pending()).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_lent_room_is_given_back_once_the_loan_is_over_and_another_waits() {
        let room = Room::new(1 << 10, 1 << 10, Some(SECOND));
        let began = Instant::now();

        let another = async {
            sleep(SECOND / 2).await;
            let _waiting = Waiting::new(&room.waiting);
            std::future::pending::<()>().await;
        };
        let lent = async {
            tokio::select! { outcome = held(&room) => outcome, () = another => unreachable!() }
        };

        assert!(no_room(timeout_at(began + 10 * SECOND, lent).await.unwrap()));
        assert_eq!(began.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lent_room_that_nobody_waits_for_is_kept_and_so_is_one_that_is_not_lent() {
        let lent = Room::new(1 << 10, 1 << 10, Some(SECOND));
        let own = Room::new(1 << 10, 1 << 10, None);
        let _waiting = Waiting::new(&own.waiting);

        assert!(timeout_at(Instant::now() + 10 * SECOND, held(&lent)).await.is_err());
        assert!(timeout_at(Instant::now() + 10 * SECOND, held(&own)).await.is_err());
        assert!(lent.hold(async { Ok(()) }).await.is_ok());
    }
}
