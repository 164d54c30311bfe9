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

/// A body that arrived whole, from an authenticated sender.
pub(super) struct Body<'e> {
    pub sender: Authenticated<'e>,
    pub held: HeldBytes,
}

/// The bytes of a body.
pub(crate) struct HeldBytes {
    pub bytes: Vec<u8>,
    /// The room of a large body, until the recorder counts the body in its queue.
    pub room: Option<OwnedSemaphorePermit>,
}

/// The limits of a body.
pub(super) struct Limits {
    pub size: ByteUnit,
    pub deadline: Duration,
    pub rooms: Rooms,
}

/// The number of bytes that Rocket reads itself, before any guard runs. It takes a read error among them for the end of
/// the body.
const ROCKETS_OWN: usize = 14;

/// The first capacity of a buffer, whatever length is declared. Most bodies fit, and no sender can make us reserve
/// more.
const FIRST_CAPACITY: usize = 4096;

impl<'e> Authenticated<'e> {
    /// Reads the whole body. Refuses one that is too long, not JSON by its media type, too slow, or cut.
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

/// A body waits for room for at most half of its time. The other half remains for the bytes, since otherwise the wait
/// would make the body late through no fault of its sender.
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
        // Assigning the next room frees the smaller one.
        room = Some(next.enter(declared, began + limits.deadline / 2).await?);
        // One byte beyond the limit shows that a body is too large.
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
    // Without a declared length, only this tells a short body from a cut one.
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
