use sha2::{Digest, Sha256};

use super::key::standard_webhooks_key;
use super::{Key, Mac, Scheme, SecretConfig};
use crate::Error;

/// Shorter secrets can be guessed.
const MIN_SECRET_LENGTH: usize = 24;

/// A longer id only makes lists harder to read.
const MAX_ID_LENGTH: usize = 100;

/// The known schemes.
const SCHEMES: [&str; 5] = ["header", "standard-webhooks", "github", "stripe", "hmac"];

/// A secret or key whose settings are sound.
pub(super) enum Credential {
    /// A secret that is compared with the value of a header.
    Secret(Secret),
    /// A key that signs the body.
    Key(Key),
}

/// A secret, ready for comparison. Only its digest is kept.
#[derive(Clone)]
pub(crate) struct Secret {
    pub id: String,
    pub header: String,
    pub digest: [u8; 32],
}

impl Credential {
    /// Checks the settings and fetches the value. Also returns the value's digest, since no value may serve two
    /// purposes. `path` names the endpoint's list of secrets.
    pub fn resolve(config: &SecretConfig, path: &str) -> Result<(Self, [u8; 32]), Error> {
        check_id(config, path)?;
        let scheme = Self::scheme(config, path)?;
        let value = config.fetch(path)?;
        check_quotes(config, path, &value)?;
        let digest: [u8; 32] = Sha256::digest(&value).into();
        let id = config.id.clone();
        let credential = match scheme {
            None => {
                check_value(config, path, &value, "generate one, for example with `openssl rand -hex 24`")?;
                let header = config.header.clone().unwrap_or_default();
                Self::Secret(Secret { id, header, digest })
            }
            Some(scheme @ Scheme::StandardWebhooks { .. }) => {
                let key = standard_webhooks_key(&value).map_err(|fault| {
                    let remedy = "generate one, for example with `echo whsec_$(openssl rand -base64 32)`";
                    config.fault(path, format!("{fault}: {remedy}, or take it from the gateway as it is"))
                })?;
                Self::Key(Key { id, scheme, mac: Mac::new(&key) })
            }
            Some(scheme) => {
                let remedy = "take it from the gateway as it is, or generate one with `openssl rand -hex 24`";
                check_value(config, path, &value, remedy)?;
                Self::Key(Key { id, scheme, mac: Mac::new(value.as_bytes()) })
            }
        };
        Ok((credential, digest))
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Secret(secret) => &secret.id,
            Self::Key(key) => &key.id,
        }
    }

    /// The scheme that the settings describe, or `None` if the secret is the value of a header.
    fn scheme(config: &SecretConfig, path: &str) -> Result<Option<Scheme>, Error> {
        let own: &[&str] = match config.scheme.as_str() {
            "header" => &["header"],
            "standard-webhooks" => &["header_prefix"],
            "github" | "stripe" => &[],
            "hmac" => &["header", "encoding", "prefix", "timestamp_header"],
            unknown => {
                return Err(config.fault(
                    path,
                    format!("has the unknown scheme `{unknown}`: this version knows `{}`", SCHEMES.join("`, `")),
                ));
            }
        };
        check_settings(config, path, own)?;
        Ok(match config.scheme.as_str() {
            "header" => {
                check_header(config, path, "header", &config.header, "that JobMojito is configured to send")?;
                None
            }
            "standard-webhooks" => {
                let prefix = config.header_prefix.as_deref().unwrap_or("webhook");
                check_header(config, path, "header_prefix", &Some(prefix.to_owned()), "that begins the gateway's")?;
                Some(Scheme::standard_webhooks(prefix))
            }
            "github" => Some(Scheme::GitHub),
            "stripe" => Some(Scheme::Stripe),
            _ => Some(hmac(config, path)?),
        })
    }
}

fn hmac(config: &SecretConfig, path: &str) -> Result<Scheme, Error> {
    check_header(config, path, "header", &config.header, "that the gateway puts the signature in")?;
    if config.timestamp_header.is_some() {
        check_header(config, path, "timestamp_header", &config.timestamp_header, "that the gateway puts the time in")?;
    }
    let header = config.header.clone().unwrap_or_default();
    if config.timestamp_header.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&header)) {
        return Err(config.fault(path, format!("has time and signature in one header, `{header}`: name two")));
    }
    let prefix = config.prefix.clone().unwrap_or_default();
    if !is_visible(&prefix) || prefix.starts_with(' ') {
        return Err(config.fault(path, "has a `prefix` with characters that are not visible ASCII: correct it"));
    }
    Ok(Scheme::Hmac {
        header,
        prefix,
        encoding: config.encoding.unwrap_or_default(),
        timestamp_header: config.timestamp_header.clone(),
    })
}

/// Makes sure that no setting is set which the scheme ignores.
fn check_settings(config: &SecretConfig, path: &str, own: &[&str]) -> Result<(), Error> {
    let set = [
        ("header", config.header.is_some()),
        ("header_prefix", config.header_prefix.is_some()),
        ("encoding", config.encoding.is_some()),
        ("prefix", config.prefix.is_some()),
        ("timestamp_header", config.timestamp_header.is_some()),
    ];
    match set.iter().find(|(name, is_set)| *is_set && !own.contains(name)) {
        Some((name, _)) => Err(config.fault(
            path,
            format!(
                "has `{name}`, which the scheme `{}` does not look at: remove it, or name another scheme",
                config.scheme
            ),
        )),
        None => Ok(()),
    }
}

fn check_header(
    config: &SecretConfig,
    path: &str,
    setting: &str,
    name: &Option<String>,
    which: &str,
) -> Result<(), Error> {
    let name = name.as_deref().unwrap_or_default();
    // Source: RFC 9110, section 5.6.2, `token`.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_token) {
        return Ok(());
    }
    let example = match setting {
        "header_prefix" => "webhook",
        "timestamp_header" => "X-Gateway-Timestamp",
        _ => "X-Mojito-Secret",
    };
    Err(config.fault(
        path,
        format!("has `{name}` for a header name: set `{setting}` to the name {which}, such as `{example}`"),
    ))
}

/// The id is stored with each delivery, in a text column.
fn check_id(config: &SecretConfig, path: &str) -> Result<(), Error> {
    if config.id.trim().is_empty() {
        return Err(Error::config(format!("a secret in `{path}` has an empty `id`: give each a name of its own")));
    }
    if config.id.len() > MAX_ID_LENGTH || config.id.chars().any(char::is_control) {
        return Err(Error::config(format!(
            "a secret in `{path}` has an `id` that is longer than {MAX_ID_LENGTH} bytes or holds control characters: give \
             it a short, plain one"
        )));
    }
    Ok(())
}

/// Quotes around a value are never meant: a file of variables, or a shell, passed them on.
fn check_quotes(config: &SecretConfig, path: &str, value: &str) -> Result<(), Error> {
    let is_within = |quote| value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote);
    if is_within('"') || is_within('\'') {
        Err(config.fault(path, "stands in quotes, which are taken for a part of it: remove them"))
    } else {
        Ok(())
    }
}

fn check_value(config: &SecretConfig, path: &str, value: &str, remedy: &str) -> Result<(), Error> {
    if value.is_empty() {
        return Err(config.fault(path, format!("is empty: {remedy}")));
    }
    if value.len() < MIN_SECRET_LENGTH {
        return Err(config
            .fault(path, format!("has {} characters, and {MIN_SECRET_LENGTH} are the least: {remedy}", value.len())));
    }
    // HTTP trims spaces around a value, and Rocket drops a header that is not ASCII. Neither value would ever match.
    if !is_visible(value) || value.trim() != value {
        return Err(config.fault(path, format!("holds characters that are not visible ASCII: {remedy}")));
    }
    Ok(())
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
