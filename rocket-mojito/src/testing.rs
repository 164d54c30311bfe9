//! Doors into what hosts never call, for the tests and fuzz targets of this project. Nothing here is a promise.

use rocket::http::HeaderMap;

use crate::config::Endpoints;
use crate::ingress::{Cause, authenticate, signer};
use crate::{EndpointConfig, Error, MojitoConfig, Rejection, SecretConfig, Utc};

/// What stands at the entrance of an endpoint, without a socket in front of it and with the clock in the caller's hand.
pub struct Gate(Endpoints);

impl Gate {
    /// The entrance of an endpoint with these secrets and keys.
    ///
    /// # Errors
    ///
    /// Those of a launch.
    pub fn try_new(secrets: impl IntoIterator<Item = SecretConfig>) -> Result<Self, Error> {
        let endpoint = secrets.into_iter().fold(EndpointConfig::new(), EndpointConfig::secret);
        MojitoConfig::new().endpoint(Endpoints::DEFAULT, endpoint).resolve().map(Self)
    }

    /// Which static secret these headers hold: what is decided before the body is read.
    ///
    /// # Errors
    ///
    /// When they hold none of those that there are.
    pub fn authenticate(&self, headers: &HeaderMap<'_>) -> Result<Option<&str>, Rejection> {
        let endpoint = self.0.iter().next().expect("there is one");
        authenticate(endpoint, headers).map(|sender| sender.secret_id)
    }

    /// Which key signed this body, and the signed id of the message: what is decided after the body was read.
    ///
    /// # Errors
    ///
    /// When none did, or not within the window around `now`.
    pub fn verify(&self, headers: &HeaderMap<'_>, body: &[u8], now: Utc) -> Result<(&str, Option<String>), Rejection> {
        let endpoint = self.0.iter().next().expect("there is one");
        let found = signer(&endpoint.keys, headers, body, now);
        found.map(|(key, message_id)| (&*key.id, message_id)).map_err(|flaw| Rejection::new(Cause::Signature(flaw)))
    }
}
