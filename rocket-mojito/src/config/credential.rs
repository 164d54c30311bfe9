use sha2::{Digest, Sha256};

use super::key::standard_webhooks_key;
use super::{Key, Mac, Scheme, SecretConfig};

/// Shorter secrets can be guessed.
const MIN_SECRET_LENGTH: usize = 24;

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
    /// purposes.
    ///
    /// # Errors
    ///
    /// The fault of the secret, as the end of a sentence that begins with its id.
    pub fn resolve(config: &SecretConfig) -> Result<(Self, [u8; 32]), String> {
        let scheme = SecretScheme::try_from(config)?;
        let value = config.fetch()?;
        check_quotes(&value)?;
        let digest: [u8; 32] = Sha256::digest(&value).into();
        let id = config.id.clone();
        let credential = match scheme {
            SecretScheme::Header(header) => {
                check_value(&value, "generate one, for example with `openssl rand -hex 24`")?;
                Self::Secret(Secret { id, header, digest })
            }
            SecretScheme::Signed(scheme @ Scheme::StandardWebhooks { .. }) => {
                let key = standard_webhooks_key(&value).map_err(|fault| {
                    let remedy = "generate one, for example with `echo whsec_$(openssl rand -base64 32)`";
                    format!("{fault}: {remedy}, or take it from the gateway as it is")
                })?;
                Self::Key(Key { id, scheme, mac: Mac::new(&key) })
            }
            SecretScheme::Signed(scheme) => {
                check_value(&value, "take it from the gateway as it is, or generate one with `openssl rand -hex 24`")?;
                Self::Key(Key { id, scheme, mac: Mac::new(value.as_bytes()) })
            }
        };
        Ok((credential, digest))
    }
}

/// The scheme of a secret, with its own settings.
enum SecretScheme {
    /// The value itself stands in this header.
    Header(String),
    /// The value is a key, which signs the body.
    Signed(Scheme),
}

impl TryFrom<&SecretConfig> for SecretScheme {
    type Error = String;

    /// Each scheme takes its own settings. A setting that is left would be ignored, so it is a fault.
    fn try_from(config: &SecretConfig) -> Result<Self, String> {
        let mut settings = config.clone();
        let scheme = match config.scheme.as_str() {
            "header" => Self::Header(settings.take_header("that JobMojito is configured to send")?),
            "standard-webhooks" => Self::Signed(Scheme::standard_webhooks(&settings.take_header_prefix()?)),
            "github" => Self::Signed(Scheme::GitHub),
            "stripe" => Self::Signed(Scheme::Stripe),
            "hmac" => Self::Signed(settings.take_hmac()?),
            unknown => {
                return Err(format!(
                    "has the unknown scheme `{unknown}`: this version knows `header`, `standard-webhooks`, `github`, \
                     `stripe`, `hmac`"
                ));
            }
        };
        match settings.first_setting() {
            None => Ok(scheme),
            Some(name) => Err(format!(
                "has `{name}`, which the scheme `{}` does not look at: remove it, or name another scheme",
                config.scheme
            )),
        }
    }
}

impl SecretConfig {
    fn take_header(&mut self, which: &str) -> Result<String, String> {
        header_name("header", self.header.take().unwrap_or_default(), which, "X-Mojito-Secret")
    }

    fn take_header_prefix(&mut self) -> Result<String, String> {
        let prefix = self.header_prefix.take().unwrap_or_else(|| "webhook".to_owned());
        header_name("header_prefix", prefix, "that begins the gateway's", "webhook")
    }

    fn take_hmac(&mut self) -> Result<Scheme, String> {
        let header = self.take_header("that the gateway puts the signature in")?;
        let which = "that the gateway puts the time in";
        let timestamp_header = self.timestamp_header.take();
        let timestamp_header = timestamp_header
            .map(|name| header_name("timestamp_header", name, which, "X-Gateway-Timestamp"))
            .transpose()?;
        if timestamp_header.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&header)) {
            return Err(format!("has time and signature in one header, `{header}`: name two"));
        }
        let prefix = self.prefix.take().unwrap_or_default();
        if !is_visible(&prefix) || prefix.starts_with(' ') {
            return Err("has a `prefix` with characters that are not visible ASCII: correct it".to_owned());
        }
        Ok(Scheme::Hmac { header, prefix, encoding: self.encoding.take().unwrap_or_default(), timestamp_header })
    }

    /// The first setting of a scheme that is set.
    fn first_setting(&self) -> Option<&'static str> {
        let set = [
            ("header", self.header.is_some()),
            ("header_prefix", self.header_prefix.is_some()),
            ("encoding", self.encoding.is_some()),
            ("prefix", self.prefix.is_some()),
            ("timestamp_header", self.timestamp_header.is_some()),
        ];
        set.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// Makes sure that a header can have this name.
fn header_name(setting: &str, name: String, which: &str, example: &str) -> Result<String, String> {
    // Source: RFC 9110, section 5.6.2, `token`.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_token) {
        Ok(name)
    } else {
        Err(format!("has `{name}` for a header name: set `{setting}` to the name {which}, such as `{example}`"))
    }
}

/// Quotes around a value are never meant: a file of variables, or a shell, passed them on.
fn check_quotes(value: &str) -> Result<(), String> {
    let is_within = |quote| value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote);
    if is_within('"') || is_within('\'') {
        Err("stands in quotes, which are taken for a part of it: remove them".to_owned())
    } else {
        Ok(())
    }
}

fn check_value(value: &str, remedy: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("is empty: {remedy}"));
    }
    if value.len() < MIN_SECRET_LENGTH {
        return Err(format!("has {} characters, and {MIN_SECRET_LENGTH} are the least: {remedy}", value.len()));
    }
    // HTTP trims spaces around a value, and Rocket drops a header that is not ASCII. Neither value would ever match.
    if !is_visible(value) || value.trim() != value {
        return Err(format!("holds characters that are not visible ASCII: {remedy}"));
    }
    Ok(())
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
