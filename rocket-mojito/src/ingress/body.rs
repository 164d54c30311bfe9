use std::sync::Arc;
use std::time::Duration;

use rocket::Data;
use rocket::data::ByteUnit;
use rocket::http::HeaderMap;
use rocket::tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::authentication::Authenticated;
use super::{Cause, Rejection, media_type};

/// A body that has arrived whole, from somebody who may send one.
pub(super) struct Body<'e> {
    pub sender: Authenticated<'e>,
    pub held: HeldBytes,
}

/// The bytes of a body.
pub(crate) struct HeldBytes {
    pub bytes: Vec<u8>,
    /// Held while a large body is in memory and in nobody's queue.
    pub room: Option<OwnedSemaphorePermit>,
}

/// What bodies may cost.
pub(super) struct Limits {
    size: ByteUnit,
    deadline: Duration,
    room: Arc<Semaphore>,
}

/// How many bytes Rocket reads itself, before any guard runs. An error among them it takes for the end.
const ROCKETS_OWN: usize = 14;

/// What a buffer begins with, whatever length is declared: most bodies fit, and nobody can make us reserve more.
const FIRST_CAPACITY: usize = 4096;

/// A body that is larger than this waits for room. JobMojito's are a few kB: they never wait for large ones.
const SMALL: u64 = 16 << 10;

impl Limits {
    /// At most `total` bytes of large bodies are in memory at once, however many clients send them; one always is.
    pub fn new(size: ByteUnit, deadline: Duration, total: ByteUnit) -> Self {
        let total = kibibytes(total.max(size).as_u64());
        Self { size, deadline, room: Arc::new(Semaphore::new(total as usize)) }
    }

    /// Waits for all the room that a body may need, at once: bodies that each held a part of theirs and waited for
    /// more would wait for each other. Half of the time is kept for the body: with room that comes later, it would
    /// be late through no fault of its sender.
    async fn room(&self, declared: Option<u64>, began: Instant) -> Result<OwnedSemaphorePermit, Rejection> {
        let most = kibibytes(declared.unwrap_or(u64::MAX).min(self.size.as_u64()));
        let room = timeout_at(began + self.deadline / 2, Arc::clone(&self.room).acquire_many_owned(most));
        room.await.ok().and_then(Result::ok).ok_or(Rejection::new(Cause::NoRoom))
    }
}

/// Rounded up; more than a semaphore can hold is as much as it can.
fn kibibytes(bytes: u64) -> u32 {
    const MOST: u32 = u32::MAX >> 3;
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(MOST).min(MOST)
}

impl<'e> Authenticated<'e> {
    /// Reads the whole body, or refuses it: too long, not JSON by its media type, too slow, or cut.
    pub(super) async fn read(
        self,
        headers: &HeaderMap<'_>,
        data: Data<'_>,
        limits: &Limits,
    ) -> Result<Body<'e>, Rejection> {
        let declared = declared_length(headers)?;
        if declared.is_some_and(|length| length > limits.size.as_u64()) {
            return Err(Rejection::new(Cause::DeclaredTooLarge));
        }
        media_type::check(headers)?;
        let held = read_to_limit(data, declared, limits).await?;
        if held.bytes.is_empty() {
            return Err(Rejection::new(Cause::BodyEmpty));
        }
        if declared.is_some_and(|length| length != held.bytes.len() as u64) {
            return Err(Rejection::new(Cause::BodyCut));
        }
        Ok(Body { sender: self, held })
    }
}

fn declared_length(headers: &HeaderMap<'_>) -> Result<Option<u64>, Rejection> {
    let Some(length) = headers.get_one("Content-Length") else { return Ok(None) };
    length.trim().parse().map(Some).map_err(|_| Rejection::new(Cause::DeclaredTooLarge))
}

async fn read_to_limit(data: Data<'_>, declared: Option<u64>, limits: &Limits) -> Result<HeldBytes, Rejection> {
    let began = Instant::now();
    let deadline = began + limits.deadline;
    let has_ended = data.peek_complete();
    let one_more = ByteUnit::from(limits.size.as_u64().saturating_add(1));
    let mut stream = data.open(one_more);
    let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
    read(&mut (&mut stream).take(SMALL), &mut bytes, deadline).await?;
    let mut room = None;
    if bytes.len() as u64 == SMALL {
        room = Some(limits.room(declared, began).await?);
        read(&mut stream, &mut bytes, deadline).await?;
        bytes.shrink_to_fit();
    }
    if bytes.len() as u64 > limits.size.as_u64() {
        return Err(Rejection::new(Cause::ActualTooLarge));
    }
    // Where no length was declared, this alone tells a short body from one that was cut.
    if bytes.len() < ROCKETS_OWN && !has_ended {
        return Err(Rejection::new(Cause::BodyCut));
    }
    Ok(HeldBytes { bytes, room })
}

async fn read(
    stream: &mut (impl AsyncReadExt + Unpin),
    bytes: &mut Vec<u8>,
    deadline: Instant,
) -> Result<(), Rejection> {
    match timeout_at(deadline, stream.read_to_end(bytes)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(Rejection::new(Cause::BodyCut)),
        Err(_) => Err(Rejection::new(Cause::BodyDeadline)),
    }
}
