//! Signatures: the signing key of a body, the time, and the id of the message.
//!
//! Each scheme reads its headers: the signed pieces in front of the body, the signatures, the time, and the message's
//! id. The verification is the same for all schemes, and stands in `verification`.
//!
//! | scheme | signed | time | id |
//! | --- | --- | --- | --- |
//! | `standard-webhooks` | `id.time.body` | yes | yes |
//! | `github` | `body` | no | no |
//! | `stripe` | `time.body` | yes | no |
//! | `hmac` | `body`, or `time.body` | with `timestamp_header` | no |

mod headers;
mod schemes;
mod tag;
mod timestamp;
mod verification;

pub(crate) use self::headers::SignatureError;
pub(crate) use self::verification::Verified;
#[cfg(mojito_internals)]
pub(crate) use self::verification::signer;
