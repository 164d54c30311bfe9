use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac_sha256::HMAC;
use rocket::http::{Header, HeaderMap};

/// Headers by name, as a sender has them before they go out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

/// Signs as gateways do, with code that has nothing in common with what is tested.
pub(crate) struct Signer<'k> {
    pub(crate) key: &'k str,
    /// In Unix seconds.
    pub(crate) sent_at: i64,
}

impl<'k> Signer<'k> {
    /// Signs at this moment.
    pub(crate) fn now(key: &'k str) -> Self {
        Self { key, sent_at: unix_now() }
    }

    pub(crate) fn standard_webhooks(&self, id: &str, body: &[u8]) -> Headers {
        let webhook = standardwebhooks::Webhook::new(self.key).unwrap();
        let signature = webhook.sign(id, self.sent_at, body).unwrap();
        Headers::new(&[
            ("webhook-id", id),
            ("webhook-timestamp", &self.sent_at.to_string()),
            ("webhook-signature", &signature),
        ])
    }

    pub(crate) fn github(&self, body: &[u8]) -> Headers {
        Headers::new(&[("X-Hub-Signature-256", &format!("sha256={}", hex(&self.mac(&[body]))))])
    }

    pub(crate) fn stripe(&self, body: &[u8]) -> Headers {
        let value = format!("t={},v1={}", self.sent_at, self.stripe_v1(body));
        Headers::new(&[("Stripe-Signature", &value)])
    }

    /// The `v1` of Stripe alone.
    pub(crate) fn stripe_v1(&self, body: &[u8]) -> String {
        hex(&self.mac(&[self.sent_at.to_string().as_bytes(), b".", body]))
    }

    /// HMAC-SHA256 over these pieces.
    pub(crate) fn mac(&self, pieces: &[&[u8]]) -> [u8; 32] {
        HMAC::mac(pieces.concat(), self.key)
    }
}

impl Headers {
    pub(crate) fn new(headers: &[(&str, &str)]) -> Self {
        Self(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The same with another value in one header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.iter_mut().find(|(other, _)| other == name).expect("the header is there").1 = value.into();
        self
    }

    /// The same with one header more.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without one header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        &self.0.iter().find(|(other, _)| other == name).expect("the header is there").1
    }

    pub(crate) fn as_pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// As Rocket holds them.
    pub(crate) fn to_map(&self) -> HeaderMap<'static> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.0 {
            map.add(Header::new(name.clone(), value.clone()));
        }
        map
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// This moment in Unix seconds.
pub(crate) fn unix_now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
