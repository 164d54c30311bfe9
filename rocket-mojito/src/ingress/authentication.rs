use rocket::http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Cause, Rejection};
use crate::config::{Endpoint, Secret};

/// Proof that the sender knows a secret of the endpoint, if the endpoint has any. Only this type can read a body; the
/// signature is verified later.
pub(crate) struct Authenticated<'e> {
    pub endpoint: &'e Endpoint,
    /// The id of the secret, or `None` if the endpoint has keys alone.
    pub secret_id: Option<&'e str>,
}

/// Looks for a header that holds one of the endpoint's secrets. An endpoint with keys alone needs no header.
///
/// Every secret is compared, and only digests are compared. So the time reveals neither the closest secret nor its
/// length.
pub(crate) fn authenticate<'e>(
    endpoint: &'e Endpoint,
    headers: &HeaderMap<'_>,
) -> Result<Authenticated<'e>, Rejection> {
    if endpoint.secrets.is_empty() {
        return Ok(Authenticated { endpoint, secret_id: None });
    }
    let mut is_absent = true;
    let mut is_repeated = false;
    let mut matched = u32::MAX;
    for (index, secret) in endpoint.secrets.iter().enumerate() {
        let mut values = headers.get(&secret.header);
        let first = values.next();
        is_absent &= first.is_none();
        is_repeated |= values.next().is_some();
        let index = u32::try_from(index).expect("few secrets");
        matched.conditional_assign(&index, is_equal(secret, first));
    }
    // Two values are ambiguous: a proxy in between may have judged by the other one.
    if is_repeated {
        return Err(Rejection::new(Cause::SecretRepeated));
    }
    match endpoint.secrets.get(matched as usize) {
        Some(secret) => Ok(Authenticated { endpoint, secret_id: Some(&secret.id) }),
        None if is_absent => Err(Rejection::new(Cause::SecretAbsent)),
        None => Err(Rejection::new(Cause::SecretWrong)),
    }
}

fn is_equal(secret: &Secret, presented: Option<&str>) -> Choice {
    let digest: [u8; 32] = Sha256::digest(presented.unwrap_or_default()).into();
    digest.ct_eq(&secret.digest)
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    const OLD: &str = "old-secret-of-24-letters!";
    const NEW: &str = "new-secret-of-24-letters!";

    fn endpoint() -> Endpoint {
        let secret = |id: &str, value: &str| Secret {
            id: id.into(),
            header: "X-Secret".into(),
            digest: Sha256::digest(value).into(),
        };
        Endpoint { name: "default".into(), secrets: vec![secret("old", OLD), secret("new", NEW)], keys: Vec::new() }
    }

    fn headers(values: &[&str]) -> HeaderMap<'static> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.add(Header::new("x-secret", (*value).to_owned()));
        }
        headers
    }

    #[test]
    fn each_secret_that_is_valid_matches_under_its_id() {
        let endpoint = endpoint();

        assert_eq!(authenticate(&endpoint, &headers(&[OLD])).unwrap().secret_id, Some("old"));
        assert_eq!(authenticate(&endpoint, &headers(&[NEW])).unwrap().secret_id, Some("new"));
    }

    #[test]
    fn anything_else_is_refused() {
        let endpoint = endpoint();
        let long = format!("{NEW}x");
        let cases: [(&[&str], Cause); 7] = [
            (&[], Cause::SecretAbsent),
            (&[""], Cause::SecretWrong),
            (&[&NEW[1..]], Cause::SecretWrong),
            (&[&long], Cause::SecretWrong),
            (&[&NEW.to_uppercase()], Cause::SecretWrong),
            (&[NEW, NEW], Cause::SecretRepeated),
            (&["wrong", NEW], Cause::SecretRepeated),
        ];

        for (values, cause) in cases {
            let rejection = authenticate(&endpoint, &headers(values)).err();

            assert_eq!(rejection, Some(Rejection::new(cause)), "{} values", values.len());
        }
    }
}
