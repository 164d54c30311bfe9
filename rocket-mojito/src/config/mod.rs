//! Settings: read from Rocket's configuration or set in code, checked before anything starts.

mod bounds;
mod credential;
mod endpoint;
mod figment_error;
mod key;
mod live_endpoints;
mod origin;
mod pool;
mod secret;
mod settings;
#[cfg(any(feature = "cli", feature = "testing"))]
mod signers;
mod variables;

use self::bounds::Bound;
pub(crate) use self::credential::{Secret, is_token};
pub use self::endpoint::EndpointConfig;
pub(crate) use self::endpoint::{Endpoint, Endpoints};
pub(crate) use self::figment_error::describe;
pub(crate) use self::key::{Key, Mac, Scheme};
pub(crate) use self::live_endpoints::LiveEndpoints;
pub(crate) use self::pool::{compare_pool, read_pool};
pub use self::secret::{Encoding, SecretConfig};
pub use self::settings::MojitoConfig;
pub(crate) use self::settings::{InboxSettings, Retention};
