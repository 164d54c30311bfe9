//! Signatures: who signed the body, with which key, when, and as which message.
//!
//! Each scheme reads the headers, and says what they present: what is signed in front of the body, the signatures, the
//! time, and the message's id. What follows from it is the same for all, and stands in `verification`.
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
#[cfg(feature = "testing")]
pub(crate) use self::verification::signer;
