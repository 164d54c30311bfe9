//! Settings: read from Rocket's configuration or set in code, checked before anything starts.

mod endpoint;
mod pauses;
mod secret;
mod settings;
mod unreadable;

pub use self::endpoint::EndpointConfig;
pub(crate) use self::endpoint::{Endpoint, Endpoints};
pub(crate) use self::pauses::Pauses;
pub(crate) use self::secret::Secret;
pub use self::secret::SecretConfig;
pub use self::settings::MojitoConfig;
pub(crate) use self::settings::Retention;
pub(crate) use self::unreadable::describe;
