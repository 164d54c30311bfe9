use super::credential::Credential;
use super::{EndpointConfig, Key, SecretConfig};
use crate::Error;

/// A credential as a sender holds it, for tests.
pub(crate) enum Sender {
    /// A secret that stands in a header.
    Secret {
        /// The secret's id.
        id: String,
        /// The header.
        header: String,
        /// The secret itself.
        value: String,
    },
    /// A key that signs.
    Key(Key),
}

impl Sender {
    /// The id of the secret or key.
    pub fn id(&self) -> &str {
        match self {
            Self::Secret { id, .. } => id,
            Self::Key(key) => &key.id,
        }
    }
}

impl TryFrom<&SecretConfig> for Sender {
    type Error = Error;

    fn try_from(config: &SecretConfig) -> Result<Self, Error> {
        let fault = |fault| Error::config(format!("secret `{}` {fault}", config.id));
        let (credential, _) = Credential::resolve(config).map_err(fault)?;
        Ok(match credential {
            Credential::Secret(secret) => {
                let value = config.fetch().map_err(fault)?;
                Self::Secret { id: secret.id, header: secret.header, value }
            }
            Credential::Key(key) => Self::Key(key),
        })
    }
}

impl EndpointConfig {
    /// The endpoint's credentials, from their configured sources as they are now.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub(crate) fn senders(&self) -> Result<Vec<Sender>, Error> {
        self.secrets.iter().map(Sender::try_from).collect()
    }
}
