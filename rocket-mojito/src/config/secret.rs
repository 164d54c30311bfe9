use std::env::{self, VarError};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rocket::serde::Deserialize;

/// A credential that authenticates deliveries: a secret in a header, or a key that signs them.
///
/// JobMojito sends a secret in a header of your choice. If a gateway in front of this application signs the requests
/// that it passes on, the endpoint has a key. Several secrets and keys may be valid at once, so that rotation needs no
/// downtime. An endpoint with both requires both: one of the secrets, and a signature by one of the keys. Nothing
/// prints the value.
///
/// In `Rocket.toml` the value may come from an environment variable (`env`) or from a file (`file`). Line ends after
/// the value are dropped. A value in quotes is refused. A file is read again once it has changed and then stood still
/// for 2 s. A value that is configured by `env` or `value` holds until the restart.
///
/// ```
/// # use rocket_mojito::SecretConfig;
/// let secret = SecretConfig::header("2026-11", "X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f");
///
/// let shown = r#"SecretConfig { id: "2026-11", scheme: "header", header: Some("X-Mojito-Secret"), .. }"#;
/// assert_eq!(format!("{secret:?}"), shown);
/// ```
#[derive(Clone, Deserialize)]
#[serde(crate = "rocket::serde", deny_unknown_fields)]
pub struct SecretConfig {
    pub(super) id: String,
    #[serde(default = "static_header")]
    pub(super) scheme: String,
    pub(super) header: Option<String>,
    pub(super) header_prefix: Option<String>,
    pub(super) encoding: Option<Encoding>,
    pub(super) prefix: Option<String>,
    pub(super) timestamp_header: Option<String>,
    value: Option<String>,
    env: Option<String>,
    file: Option<PathBuf>,
}

/// The encoding of a signature in its header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(crate = "rocket::serde", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Encoding {
    /// Hexadecimal digits, of either case.
    #[default]
    Hex,
    /// Base64 with padding, in the standard alphabet.
    Base64,
}

fn static_header() -> String {
    "header".to_owned()
}

impl SecretConfig {
    /// A secret that `header` carries as it is. `id` is stored with every delivery that the secret authenticated.
    pub fn header(id: impl Into<String>, header: impl Into<String>, value: impl Into<String>) -> Self {
        Self { header: Some(header.into()), ..Self::new("header", id, value) }
    }

    /// A key of Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. Only signatures of version `v1` are checked.
    pub fn standard_webhooks(id: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new("standard-webhooks", id, key)
    }

    /// A key that signs as GitHub does: `sha256=…` in `X-Hub-Signature-256`. The signature covers no time, so a
    /// captured delivery can be sent again at any time.
    pub fn github(id: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new("github", id, key)
    }

    /// A key that signs as Stripe does: `t=…,v1=…` in `Stripe-Signature`.
    pub fn stripe(id: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new("stripe", id, key)
    }

    /// A key whose HMAC-SHA256 of the body stands in `header`. Without a [`timestamp_header`](Self::timestamp_header)
    /// the signature covers no time, as with [`github`](Self::github).
    pub fn hmac(id: impl Into<String>, header: impl Into<String>, key: impl Into<String>) -> Self {
        Self { header: Some(header.into()), ..Self::new("hmac", id, key) }
    }

    /// For [`standard_webhooks`](Self::standard_webhooks): the prefix of the three header names. Default: `webhook`, as
    /// in `webhook-id`. Svix uses `svix`, as in `svix-id`.
    pub fn header_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.header_prefix = Some(prefix.into());
        self
    }

    /// For [`hmac`](Self::hmac): the encoding of the signature. Default: [`Encoding::Hex`].
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// For [`hmac`](Self::hmac): the text before the signature in its header, such as `sha256=`. Default: empty.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// For [`hmac`](Self::hmac): a header with the Unix time in seconds. The signature then covers time, a full stop
    /// and body instead of the body alone. A time more than 300 seconds off is refused.
    pub fn timestamp_header(mut self, header: impl Into<String>) -> Self {
        self.timestamp_header = Some(header.into());
        self
    }

    fn new(scheme: &str, id: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            scheme: scheme.to_owned(),
            header: None,
            header_prefix: None,
            encoding: None,
            prefix: None,
            timestamp_header: None,
            value: Some(value.into()),
            env: None,
            file: None,
        }
    }

    /// The file that holds the value.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The value, from its configured source.
    ///
    /// # Errors
    ///
    /// The fault of the secret, as the end of a sentence that begins with its id.
    pub(super) fn fetch(&self) -> Result<String, String> {
        let value = match (&self.value, &self.env, &self.file) {
            (Some(value), None, None) => return Ok(value.clone()),
            (None, Some(name), None) => read_variable(name)?,
            (None, None, Some(file)) => read_file(file)?,
            _ => return Err("needs exactly one of `value`, `env` and `file`".to_owned()),
        };
        // The author of the variable or file may have ended the line.
        Ok(value.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn read_variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| {
        let fault = match error {
            VarError::NotPresent => "is not set: export it before the launch",
            VarError::NotUnicode(_) => "is not UTF-8: set it to visible ASCII characters",
        };
        format!("comes from the environment variable `{name}`, which {fault}")
    })
}

fn read_file(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| {
        let remedy = match error.kind() {
            ErrorKind::InvalidData => "write visible ASCII characters into it",
            ErrorKind::IsADirectory => "name the file in it",
            ErrorKind::PermissionDenied => "make it readable for this process",
            _ => "create it, readable for this process",
        };
        let (file, kind) = (file.display(), error.kind());
        format!("comes from the file `{file}`, which cannot be read ({kind}): {remedy}")
    })
}

impl fmt::Debug for SecretConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretConfig")
            .field("id", &self.id)
            .field("scheme", &self.scheme)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
