//! Everything before the store: authenticates the sender, reads the body whole, and parses it.
//!
//! | status | cause |
//! | --- | --- |
//! | `401` | the path names no endpoint, no secret of the endpoint matches, or its header stands twice; decided before the body is read |
//! | `413` | declared or actual length over `body_limit` |
//! | `415` | a media type that is not JSON, a charset that is not UTF-8, a content encoding |
//! | `408` | the body is not complete within `body_deadline` |
//! | `400` | the body is empty, or shorter than its `Content-Length` |
//! | `401` | the endpoint has signing keys, and the signature is wrong, malformed, stale or absent |
//! | `503` | not durable within `ack_deadline`, database down, queue full, no room for a large body, stopping, paused |
//! | `405` | any method but `POST` |
//! | `200` | committed |

mod authentication;
mod body;
mod guard;
mod media_type;
mod receipt;
mod rejection;
mod room;
mod signature;

#[cfg(mojito_internals)]
pub(crate) use self::authentication::authenticate;
pub(crate) use self::guard::Ingress;
pub use self::guard::MojitoEvent;
pub use self::receipt::Receipt;
pub(crate) use self::rejection::Cause;
pub use self::rejection::Rejection;
#[cfg(mojito_internals)]
pub(crate) use self::signature::signer;
