use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;

/// The prefix of a key of Standard Webhooks.
const KEY_PREFIX: &str = "whsec_";

/// A sender's credential: a secret in a header, or a key that signs each delivery. `Debug` shows no value.
///
/// ```
/// use mojito_simulator::Signer;
///
/// let signer = Signer::github("It's a Secret to Everybody");
///
/// let headers = signer.sign("msg_1", 0, b"Hello, World!");
/// let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// assert_eq!(headers, [("X-Hub-Signature-256".to_owned(), signature.to_owned())]);
/// ```
#[derive(Clone)]
pub struct Signer {
    scheme: Scheme,
    key: Vec<u8>,
}

#[derive(Clone)]
enum Scheme {
    Header { name: String },
    StandardWebhooks { prefix: String },
    GitHub,
    Stripe,
    Hmac { header: String, prefix: String, encoding: Encoding, timestamp_header: Option<String> },
}

/// The encoding of a signature in its header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A key of Standard Webhooks that is none.
#[derive(Debug)]
pub struct SignerError(());

impl Signer {
    /// A secret that stands in a header as it is.
    pub fn header(name: &str, value: &str) -> Self {
        Self::new(Scheme::Header { name: name.to_owned() }, value.as_bytes())
    }

    /// A key of Standard Webhooks: `whsec_` and base64.
    ///
    /// # Errors
    ///
    /// When the key is not of this form.
    pub fn try_standard_webhooks(key: &str) -> Result<Self, SignerError> {
        let bytes = key.strip_prefix(KEY_PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or(SignerError(()))?;
        Ok(Self::new(Scheme::StandardWebhooks { prefix: "webhook".to_owned() }, &bytes))
    }

    /// A key that signs as GitHub does: the body.
    pub fn github(key: &str) -> Self {
        Self::new(Scheme::GitHub, key.as_bytes())
    }

    /// A key that signs as Stripe does: time and body.
    pub fn stripe(key: &str) -> Self {
        Self::new(Scheme::Stripe, key.as_bytes())
    }

    /// A key whose HMAC-SHA256 of the body stands in a header.
    pub fn hmac(header: &str, key: &str) -> Self {
        let (header, encoding) = (header.to_owned(), Encoding::Hex);
        Self::new(Scheme::Hmac { header, prefix: String::new(), encoding, timestamp_header: None }, key.as_bytes())
    }

    /// The prefix of the three headers of Standard Webhooks. Other schemes ignore it.
    pub fn header_prefix(mut self, name: &str) -> Self {
        if let Scheme::StandardWebhooks { prefix } = &mut self.scheme {
            name.clone_into(prefix);
        }
        self
    }

    /// The text before the signature of [`hmac`](Self::hmac). Other schemes ignore it.
    pub fn prefix(mut self, text: &str) -> Self {
        if let Scheme::Hmac { prefix, .. } = &mut self.scheme {
            text.clone_into(prefix);
        }
        self
    }

    /// The encoding of the signature of [`hmac`](Self::hmac). Other schemes ignore it.
    pub fn encoding(mut self, of_signature: Encoding) -> Self {
        if let Scheme::Hmac { encoding, .. } = &mut self.scheme {
            *encoding = of_signature;
        }
        self
    }

    /// The header of the time for [`hmac`](Self::hmac), which then covers time and body. Other schemes ignore it.
    pub fn timestamp_header(mut self, name: &str) -> Self {
        if let Scheme::Hmac { timestamp_header, .. } = &mut self.scheme {
            *timestamp_header = Some(name.to_owned());
        }
        self
    }

    /// The headers that authenticate this message, sent at this Unix time in seconds.
    pub fn sign(&self, message_id: &str, sent_at: u64, body: &[u8]) -> Vec<(String, String)> {
        let time = sent_at.to_string();
        match &self.scheme {
            Scheme::Header { name } => vec![(name.clone(), String::from_utf8_lossy(&self.key).into_owned())],
            Scheme::StandardWebhooks { prefix } => {
                let tag = self.mac(&[message_id.as_bytes(), b".", time.as_bytes(), b".", body]);
                let signature = format!("v1,{}", STANDARD.encode(tag));
                let values = [("id", message_id.to_owned()), ("timestamp", time), ("signature", signature)];
                values.map(|(name, value)| (format!("{prefix}-{name}"), value)).into()
            }
            Scheme::GitHub => vec![("X-Hub-Signature-256".to_owned(), format!("sha256={}", hex(&self.mac(&[body]))))],
            Scheme::Stripe => {
                let tag = hex(&self.mac(&[time.as_bytes(), b".", body]));
                vec![("Stripe-Signature".to_owned(), format!("t={time},v1={tag}"))]
            }
            Scheme::Hmac { header, prefix, encoding, timestamp_header } => {
                let tag = match timestamp_header {
                    Some(_) => self.mac(&[time.as_bytes(), b".", body]),
                    None => self.mac(&[body]),
                };
                let tag = match encoding {
                    Encoding::Hex => hex(&tag),
                    Encoding::Base64 => STANDARD.encode(tag),
                };
                let mut headers = vec![(header.clone(), format!("{prefix}{tag}"))];
                headers.extend(timestamp_header.iter().map(|name| (name.clone(), time.clone())));
                headers
            }
        }
    }

    fn new(scheme: Scheme, key: &[u8]) -> Self {
        Self { scheme, key: key.to_vec() }
    }

    fn mac(&self, pieces: &[&[u8]]) -> [u8; 32] {
        HMAC::mac(pieces.concat(), &self.key)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match &self.scheme {
            Scheme::Header { .. } => "header",
            Scheme::StandardWebhooks { .. } => "standard-webhooks",
            Scheme::GitHub => "github",
            Scheme::Stripe => "stripe",
            Scheme::Hmac { .. } => "hmac",
        };
        f.debug_struct("Signer").field("scheme", &scheme).finish_non_exhaustive()
    }
}

impl fmt::Display for SignerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a key of Standard Webhooks is `{KEY_PREFIX}` and base64")
    }
}

impl std::error::Error for SignerError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification, and one of the same bytes by hand.
    #[test]
    fn standard_webhooks_signs_as_its_specification_shows() {
        let signer = Signer::try_standard_webhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();

        let headers = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);

        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned();
        assert_eq!(headers[2], ("webhook-signature".to_owned(), signature));
        assert_eq!(headers[1].1, "1614265330");
        assert!(Signer::try_standard_webhooks("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let signers = [Signer::header("X-Secret", "canary"), Signer::hmac("X-Signature", "canary")];

        assert_eq!(format!("{signers:?}"), r#"[Signer { scheme: "header", .. }, Signer { scheme: "hmac", .. }]"#);
    }
}
