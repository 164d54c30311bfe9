use std::fmt;
use std::net::IpAddr;

use anyhow::bail;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The name of the only user.
const USER: &str = "desk";

/// The rule that admits visitors to the pages. `Debug` does not show the password.
pub(crate) enum Access {
    /// Everybody on this machine.
    Open,
    /// Visitors with the password: SHA-256 of `desk:password`.
    Password([u8; 32]),
}

impl Access {
    /// Decides by the address that the desk listens at.
    ///
    /// # Errors
    ///
    /// When others could reach the pages and there is no password, or the password is empty.
    pub fn decide(address: IpAddr, password: Option<&str>) -> anyhow::Result<Self> {
        match password {
            Some("") => bail!("`DESK_PASSWORD` is empty: set it to a password, or unset it to do without"),
            Some(password) => Ok(Self::Password(Sha256::digest(format!("{USER}:{password}")).into())),
            None if address.to_canonical().is_loopback() => Ok(Self::Open),
            None => bail!(
                "the desk listens at {address}, where others can reach it, and `DESK_PASSWORD` is not set: \
                 set it to the password of the pages, or set ROCKET_ADDRESS to 127.0.0.1"
            ),
        }
    }

    /// Whether a request with this `Authorization` header may pass.
    pub fn admits(&self, authorization: Option<&str>) -> bool {
        let Self::Password(expected) = self else { return true };
        let presented = authorization.and_then(credentials).unwrap_or_default();
        Sha256::digest(presented).ct_eq(expected.as_slice()).into()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Password(_) => "Password([redacted])",
        })
    }
}

/// The credentials of an `Authorization` header of the scheme `Basic`, as in RFC 7617.
fn credentials(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    BASE64_STANDARD.decode(token.trim_matches(' ')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1";

    fn access(password: &str) -> Access {
        Access::decide(HERE.parse().unwrap(), Some(password)).unwrap()
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    }

    #[test]
    fn only_a_loopback_address_does_without_a_password() {
        for address in [HERE, "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(matches!(Access::decide(address.parse().unwrap(), None), Ok(Access::Open)), "{address}");
        }
        for address in ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"] {
            let sentence = Access::decide(address.parse().unwrap(), None).unwrap_err().to_string();

            assert!(sentence.contains(address) && sentence.contains("DESK_PASSWORD"), "{sentence}");
        }
    }

    #[test]
    fn an_empty_password_is_refused_everywhere() {
        for address in [HERE, "0.0.0.0"] {
            assert!(Access::decide(address.parse().unwrap(), Some("")).is_err(), "{address}");
        }
    }

    #[test]
    fn user_and_password_open_the_pages() {
        assert!(access("a:b ü").admits(Some(&basic("desk:a:b ü"))));
        assert!(access("pass").admits(Some(&basic("desk:pass").replace("Basic", "BASIC"))));
    }

    #[test]
    fn anything_else_does_not() {
        let access = access("pass");
        let wrong = ["", "Basic", "Basic ", "Basic ???", "Bearer pass", "desk:pass"]
            .map(str::to_owned)
            .into_iter()
            .chain(["desk:", "desk:passs", "desk:pas", "root:pass", ":pass", "deskpass", "Desk:pass"].map(basic));

        for authorization in wrong {
            assert!(!access.admits(Some(&authorization)), "{authorization}");
        }
        assert!(!access.admits(None));
    }
}
