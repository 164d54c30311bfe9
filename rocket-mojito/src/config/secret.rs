use std::fmt;

use rocket::serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Error;

/// Shorter secrets can be guessed.
const SHORTEST: usize = 24;

/// A secret that authenticates deliveries: the value of a header that JobMojito is configured to send.
///
/// Several may be valid at once, so that a secret can be changed without downtime. Nothing prints the value.
///
/// ```
/// # use rocket_mojito::SecretConfig;
/// let secret = SecretConfig::header("2026-11", "X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f");
///
/// assert_eq!(format!("{secret:?}"), r#"SecretConfig { id: "2026-11", header: Some("X-Mojito-Secret"), .. }"#);
/// ```
#[derive(Clone, Deserialize)]
#[serde(crate = "rocket::serde", deny_unknown_fields)]
pub struct SecretConfig {
    id: String,
    #[serde(default = "static_header")]
    scheme: String,
    header: Option<String>,
    value: Option<String>,
    env: Option<String>,
    file: Option<std::path::PathBuf>,
}

fn static_header() -> String {
    "header".to_owned()
}

impl SecretConfig {
    /// A secret that stands in `header` as it is. `id` is stored with every delivery that it authenticated.
    pub fn header(id: impl Into<String>, header: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            scheme: static_header(),
            header: Some(header.into()),
            value: Some(value.into()),
            env: None,
            file: None,
        }
    }

    /// Checks the setting and fetches the value. `path` names the endpoint's list of secrets.
    pub(super) fn resolve(&self, path: &str) -> Result<Secret, Error> {
        let id = &self.id;
        if id.trim().is_empty() {
            return Err(Error::config(format!("a secret in `{path}` has an empty `id`: give each a name of its own")));
        }
        if self.scheme != "header" {
            return Err(Error::config(format!(
                "secret `{id}` in `{path}` has the unknown scheme `{}`: this version knows `header`",
                self.scheme
            )));
        }
        let header = self.header.as_deref().unwrap_or_default();
        if !is_header_name(header) {
            return Err(Error::config(format!(
                "secret `{id}` in `{path}` has `{header}` for a header name: set `header` to the name that \
                 JobMojito is configured to send, such as `X-Mojito-Secret`"
            )));
        }
        let value = self.fetch(path)?;
        check_value(id, path, &value)?;
        Ok(Secret { id: id.clone(), header: header.to_owned(), digest: Sha256::digest(value).into() })
    }

    fn fetch(&self, path: &str) -> Result<String, Error> {
        let id = &self.id;
        match (&self.value, &self.env, &self.file) {
            (Some(value), None, None) => Ok(value.clone()),
            (None, Some(name), None) => std::env::var(name).map_err(|_| {
                Error::config(format!(
                    "secret `{id}` in `{path}` comes from the environment variable `{name}`, which is not set: \
                     export it before the launch"
                ))
            }),
            (None, None, Some(file)) => match std::fs::read_to_string(file) {
                Ok(value) => Ok(value.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => Err(Error::config(format!(
                    "secret `{id}` in `{path}` comes from the file `{}`, which cannot be read ({}): \
                     create it, readable for this process",
                    file.display(),
                    error.kind()
                ))),
            },
            _ => {
                Err(Error::config(format!("secret `{id}` in `{path}` needs exactly one of `value`, `env` and `file`")))
            }
        }
    }
}

impl fmt::Debug for SecretConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretConfig").field("id", &self.id).field("header", &self.header).finish_non_exhaustive()
    }
}

fn check_value(id: &str, path: &str, value: &str) -> Result<(), Error> {
    let remedy = "generate one, for example with `openssl rand -hex 24`";
    if value.is_empty() {
        return Err(Error::config(format!("secret `{id}` in `{path}` is empty: {remedy}")));
    }
    if value.len() < SHORTEST {
        return Err(Error::config(format!(
            "secret `{id}` in `{path}` has {} characters, and {SHORTEST} are the least: {remedy}",
            value.len()
        )));
    }
    // HTTP trims spaces around a value, and Rocket drops a header that is not ASCII: neither would ever match.
    if !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') || value.trim() != value {
        return Err(Error::config(format!(
            "secret `{id}` in `{path}` holds characters that are not visible ASCII: {remedy}"
        )));
    }
    Ok(())
}

/// Source: RFC 9110, section 5.6.2, `token`.
fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// A secret that is ready to be compared with. Only its digest is kept.
#[derive(Clone)]
pub(crate) struct Secret {
    pub id: String,
    pub header: String,
    pub digest: [u8; 32],
}
