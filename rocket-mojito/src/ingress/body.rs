use std::time::Duration;

use rocket::Data;
use rocket::data::ByteUnit;
use rocket::http::HeaderMap;
use rocket::tokio::io::AsyncReadExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::authentication::Authenticated;
use super::room::{MAX_SMALL_BODY, Room, Rooms};
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
    pub size: ByteUnit,
    pub deadline: Duration,
    pub rooms: Rooms,
}

/// How many bytes Rocket reads itself, before any guard runs. An error among them it takes for the end.
const ROCKETS_OWN: usize = 14;

/// What a buffer begins with, whatever length is declared: most bodies fit, and nobody can make us reserve more.
const FIRST_CAPACITY: usize = 4096;

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
        let held = read_to_limit(data, declared, limits, limits.rooms.of(&self)).await?;
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

/// Half of the time is kept for a body that has waited for room: with room that comes later, it would be late through
/// no fault of its sender.
async fn read_to_limit(
    data: Data<'_>,
    declared: Option<u64>,
    limits: &Limits,
    rooms: &[Room],
) -> Result<HeldBytes, Rejection> {
    let began = Instant::now();
    let deadline = began + limits.deadline;
    let has_ended = data.peek_complete();
    let one_more = ByteUnit::from(limits.size.as_u64().saturating_add(1));
    let mut stream = data.open(one_more);
    let mut bytes = Vec::with_capacity(FIRST_CAPACITY);
    read(&mut (&mut stream).take(MAX_SMALL_BODY), &mut bytes, deadline).await?;
    let (mut room, mut reached) = (None, MAX_SMALL_BODY);
    for next in rooms {
        if (bytes.len() as u64) < reached {
            break;
        }
        // What it grows out of is free again.
        room = Some(next.enter(declared, began + limits.deadline / 2).await?);
        // One byte more tells that a body is too large.
        let mut part = (&mut stream).take(next.size.saturating_add(1) - reached);
        next.hold(read(&mut part, &mut bytes, deadline)).await?;
        reached = next.size.saturating_add(1);
    }
    if room.is_some() {
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
