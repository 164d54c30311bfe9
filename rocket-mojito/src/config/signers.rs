use mojito_simulator::{Encoding as SentEncoding, Signer};

use super::credential::Credential;
use super::{Encoding, MojitoConfig, SecretConfig};
use crate::Error;

impl MojitoConfig {
    /// The credentials with which a sender authenticates at an endpoint: the first secret, and the first key. A wanted
    /// one comes before the others.
    ///
    /// # Errors
    ///
    /// When there is no such endpoint or no such secret, or a secret of it is not sound.
    pub(crate) fn signers(&self, endpoint: &str, wanted: Option<&str>) -> Result<Vec<Signer>, Error> {
        let Some(config) = self.endpoints.get(endpoint) else {
            let path = "mojito.endpoints";
            return Err(Error::config(format!("there is no endpoint `{endpoint}`: name one of those below `{path}`")));
        };
        let (mut secret, mut key) = (None, None);
        let (chosen, others): (Vec<_>, Vec<_>) =
            config.secrets().iter().partition(|secret| wanted == Some(secret.id.as_str()));
        if let Some(id) = wanted.filter(|_| chosen.is_empty()) {
            return Err(Error::config(format!("there is no secret `{id}` at the endpoint `{endpoint}`")));
        }
        for config in chosen.into_iter().chain(others) {
            let refused = |fault| {
                let path = format!("mojito.endpoints.{endpoint}.secrets");
                Error::config(format!("secret `{}` in `{path}` {fault}", config.id))
            };
            let first = match Credential::resolve(config).map_err(refused)?.0 {
                Credential::Secret(_) => &mut secret,
                Credential::Key(_) => &mut key,
            };
            if first.is_none() {
                *first = Some(signer(config).map_err(refused)?);
            }
        }
        Ok(secret.into_iter().chain(key).collect())
    }
}

/// The signer of a secret whose settings are sound.
fn signer(config: &SecretConfig) -> Result<Signer, String> {
    let value = config.fetch()?;
    let header = config.header.as_deref().unwrap_or_default();
    Ok(match config.scheme.as_str() {
        "standard-webhooks" => {
            let signer = Signer::try_standard_webhooks(&value).map_err(|error| format!("is refused: {error}"))?;
            config.header_prefix.iter().fold(signer, |signer, prefix| signer.header_prefix(prefix))
        }
        "github" => Signer::github(&value),
        "stripe" => Signer::stripe(&value),
        "hmac" => {
            let encoding = match config.encoding.unwrap_or_default() {
                Encoding::Hex => SentEncoding::Hex,
                Encoding::Base64 => SentEncoding::Base64,
            };
            let signer = Signer::hmac(header, &value).encoding(encoding);
            let signer = config.prefix.iter().fold(signer, |signer, prefix| signer.prefix(prefix));
            config.timestamp_header.iter().fold(signer, |signer, name| signer.timestamp_header(name))
        }
        _ => Signer::header(header, &value),
    })
}
