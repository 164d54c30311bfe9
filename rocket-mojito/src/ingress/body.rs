use std::time::Duration;

use rocket::Data;
use rocket::data::ByteUnit;
use rocket::http::HeaderMap;
use rocket::tokio::io::AsyncReadExt;

use super::authentication::Authenticated;
use super::{Cause, Rejection, media_type};

/// A body that has arrived whole, from somebody who may send one.
pub(super) struct Body<'e> {
    pub sender: Authenticated<'e>,
    pub bytes: Vec<u8>,
}

/// What a body may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub size: ByteUnit,
    pub deadline: Duration,
}

/// What a buffer begins with, whatever length is declared: most bodies fit, and nobody can make us reserve more.
const FIRST_CAPACITY: usize = 4096;

impl<'e> Authenticated<'e> {
    /// Reads the whole body, or refuses it: too long, not JSON by its media type, too slow, or cut.
    pub(super) async fn read(
        self,
        headers: &HeaderMap<'_>,
        data: Data<'_>,
        limits: Limits,
    ) -> Result<Body<'e>, Rejection> {
        let declared = declared_length(headers)?;
        if declared.is_some_and(|length| length > limits.size.as_u64()) {
            return Err(Rejection::new(Cause::DeclaredTooLarge));
        }
        media_type::check(headers)?;
        let bytes = tokio::time::timeout(limits.deadline, read_to_limit(data, limits.size))
            .await
            .map_err(|_| Rejection::new(Cause::BodyDeadline))??;
        if bytes.is_empty() {
            return Err(Rejection::new(Cause::BodyEmpty));
        }
        // Rocket ends a body that was cut within its first bytes as if it were complete.
        if declared.is_some_and(|length| length != bytes.len() as u64) {
            return Err(Rejection::new(Cause::BodyCut));
        }
        Ok(Body { sender: self, bytes })
    }
}

fn declared_length(headers: &HeaderMap<'_>) -> Result<Option<u64>, Rejection> {
    let Some(length) = headers.get_one("Content-Length") else { return Ok(None) };
    length.trim().parse().map(Some).map_err(|_| Rejection::new(Cause::DeclaredTooLarge))
}

async fn read_to_limit(data: Data<'_>, limit: ByteUnit) -> Result<Vec<u8>, Rejection> {
    let mut body = Vec::with_capacity(FIRST_CAPACITY);
    let one_more = ByteUnit::from(limit.as_u64().saturating_add(1));
    let mut stream = data.open(one_more);
    stream.read_to_end(&mut body).await.map_err(|_| Rejection::new(Cause::BodyCut))?;
    if body.len() as u64 > limit.as_u64() {
        return Err(Rejection::new(Cause::ActualTooLarge));
    }
    Ok(body)
}
