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

/// Whether a text is a token, as the names of headers and the parts of a media type are (RFC 9110, 5.6.2).
pub(crate) fn is_token(text: &str) -> bool {
    let is_in_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_in_tokens)
}

/// Makes sure that a header can have this name.
fn header_name(setting: &str, name: String, which: &str, example: &str) -> Result<String, String> {
    if is_token(&name) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Encoding;

    /// As short as a value may be.
    const VALUE: &str = "24-characters-of-a-value";

    /// A key of Standard Webhooks.
    const WHSEC: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

    fn key(config: SecretConfig) -> Scheme {
        match Credential::resolve(&config) {
            Ok((Credential::Key(key), _)) => key.scheme,
            Ok((Credential::Secret(_), _)) => panic!("a secret"),
            Err(fault) => panic!("{fault}"),
        }
    }

    fn fault(config: SecretConfig) -> String {
        Credential::resolve(&config).err().expect("it has a fault")
    }

    #[test]
    fn each_scheme_has_its_own_settings() {
        let Ok((Credential::Secret(secret), digest)) =
            Credential::resolve(&SecretConfig::header("a", "X-Secret", VALUE))
        else {
            panic!("a secret")
        };
        let own = SecretConfig::hmac("a", "X-Signature", VALUE);
        let dressed = own.clone().prefix("v0=").encoding(Encoding::Base64).timestamp_header("X-Time");
        let hmac = |prefix: &str, encoding, time: Option<&str>| Scheme::Hmac {
            header: "X-Signature".to_owned(),
            prefix: prefix.to_owned(),
            encoding,
            timestamp_header: time.map(str::to_owned),
        };

        assert_eq!((&*secret.id, &*secret.header, secret.digest), ("a", "X-Secret", digest));
        assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(VALUE)));
        assert_eq!(key(SecretConfig::standard_webhooks("a", WHSEC)), Scheme::standard_webhooks("webhook"));
        let svix = SecretConfig::standard_webhooks("a", WHSEC).header_prefix("svix");
        assert_eq!(key(svix), Scheme::standard_webhooks("svix"));
        assert_eq!(key(SecretConfig::github("a", VALUE)), Scheme::GitHub);
        assert_eq!(key(SecretConfig::stripe("a", VALUE)), Scheme::Stripe);
        assert_eq!(key(own), hmac("", Encoding::Hex, None));
        assert_eq!(key(dressed), hmac("v0=", Encoding::Base64, Some("X-Time")));
    }

    #[test]
    fn a_setting_that_its_scheme_does_not_look_at_is_a_fault() {
        let github = || SecretConfig::github("a", VALUE);
        let mut with_header = github();
        with_header.header = Some("X-Secret".to_owned());
        let others = [
            (with_header, "header"),
            (github().header_prefix("svix"), "header_prefix"),
            (github().encoding(Encoding::Hex), "encoding"),
            (github().prefix("v0="), "prefix"),
            (github().timestamp_header("X-Time"), "timestamp_header"),
        ];
        let mut unknown = github();
        unknown.scheme = "gitlab".to_owned();

        for (config, setting) in others {
            assert!(
                fault(config).starts_with(&format!("has `{setting}`, which the scheme `github` does not")),
                "{setting}"
            );
        }
        assert!(fault(unknown).starts_with("has the unknown scheme `gitlab`: this version knows `header`"));
    }

    #[test]
    fn a_header_has_a_name_that_requests_can_carry() {
        for name in ["", "X Secret", "X-Secret:", "X-Sécret"] {
            let expected = format!("has `{name}` for a header name: set `header` to the name that JobMojito");
            assert!(fault(SecretConfig::header("a", name, VALUE)).starts_with(&expected), "{name}");
        }
        let prefix = fault(SecretConfig::standard_webhooks("a", WHSEC).header_prefix("a b"));
        assert!(
            prefix.ends_with("set `header_prefix` to the name that begins the gateway's, such as `webhook`"),
            "{prefix}"
        );
        let hmac = || SecretConfig::hmac("a", "X-Signature", VALUE);
        assert!(
            fault(hmac().timestamp_header("a b")).contains("set `timestamp_header` to the name that the gateway puts")
        );
        assert!(fault(hmac().timestamp_header("x-signature")).starts_with("has time and signature in one header"));
        for prefix in [" v0=", "v0=\t", "é"] {
            assert!(fault(hmac().prefix(prefix)).starts_with("has a `prefix` with characters"), "{prefix:?}");
        }
        assert!(Credential::resolve(&hmac().prefix("v0 = ")).is_ok());
    }

    #[test]
    fn a_value_is_long_enough_plain_and_not_in_quotes() {
        let of = |value: &str| fault(SecretConfig::header("a", "X-Secret", value));
        let short = &VALUE[1..];

        assert!(of("").starts_with("is empty: generate one"));
        assert!(of(short).starts_with("has 23 characters, and 24 are the least: generate one"));
        for value in [format!(" {VALUE}"), format!("{VALUE} "), format!("{VALUE}é"), format!("{VALUE}\u{7f}")] {
            assert!(of(&value).starts_with("holds characters that are not visible ASCII"), "{value:?}");
        }
        for quote in ['"', '\''] {
            assert!(of(&format!("{quote}{VALUE}{quote}")).starts_with("stands in quotes"));
            assert!(Credential::resolve(&SecretConfig::github("a", format!("{quote}{VALUE}"))).is_ok());
        }
        assert!(of("\"").starts_with("has 1 characters"), "one quote stands around nothing");
        assert!(Credential::resolve(&SecretConfig::github("a", format!("{VALUE} {VALUE}"))).is_ok());
        assert!(fault(SecretConfig::stripe("a", short)).contains("take it from the gateway as it is"));
        assert!(
            fault(SecretConfig::standard_webhooks("a", VALUE)).starts_with("does not begin with `whsec_`: generate")
        );
    }
}
