use std::fmt;

use anyhow::bail;
use rocket_mojito::{MojitoConfig, SecretConfig};

/// The endpoint that `MOJITO_SECRET` is for.
pub(crate) const ENDPOINT: &str = "default";

/// The header that carries that secret.
pub(crate) const HEADER: &str = "X-Mojito-Secret";

/// The secret for trying the desk out. It is public: no release build takes it.
const DEVELOPMENT: &str = "for-development-only-0123456789";

/// The source of the default endpoint's secret. `Debug` does not show the secret.
#[derive(PartialEq, Eq)]
pub(crate) enum DefaultSecret {
    /// From `MOJITO_SECRET`.
    Given(String),
    /// From `Rocket.toml` or `ROCKET_MOJITO`, and from there alone.
    Configured,
    /// From nowhere: a debug build makes do with a secret that everybody knows.
    Development,
}

impl DefaultSecret {
    /// Decides on the source.
    ///
    /// # Errors
    ///
    /// When there is no secret at all, and this is no debug build.
    pub fn decide(given: Option<String>, is_configured: bool, is_debug_build: bool) -> anyhow::Result<Self> {
        match (given, is_configured, is_debug_build) {
            (Some(secret), _, _) => Ok(Self::Given(secret)),
            (None, true, _) => Ok(Self::Configured),
            (None, false, true) => Ok(Self::Development),
            (None, false, false) => bail!(
                "the default endpoint has no secret: set MOJITO_SECRET to the value that JobMojito sends in \
                 `{HEADER}` (generate one, for example with `openssl rand -hex 24`), or configure \
                 `mojito.endpoints.{ENDPOINT}.secrets` in Rocket.toml or ROCKET_MOJITO"
            ),
        }
    }

    /// The same settings, with this secret added.
    pub fn add_to(&self, config: MojitoConfig) -> MojitoConfig {
        let (id, value) = match self {
            Self::Given(value) => ("MOJITO_SECRET", value.as_str()),
            Self::Development => ("development", DEVELOPMENT),
            Self::Configured => return config,
        };
        config.secret(ENDPOINT, SecretConfig::header(id, HEADER, value))
    }

    /// The secret, where everybody may know it.
    pub fn public_value(&self) -> Option<&'static str> {
        (*self == Self::Development).then_some(DEVELOPMENT)
    }
}

impl fmt::Debug for DefaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given([redacted])",
            Self::Configured => "Configured",
            Self::Development => "Development",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_secret_is_taken_besides_what_is_configured() {
        for (is_configured, is_debug_build) in [(true, true), (true, false), (false, true), (false, false)] {
            let secret = DefaultSecret::decide(Some("given".into()), is_configured, is_debug_build).unwrap();

            assert_eq!(secret, DefaultSecret::Given("given".into()));
        }
    }

    #[test]
    fn a_configured_secret_is_enough() {
        for is_debug_build in [true, false] {
            assert_eq!(DefaultSecret::decide(None, true, is_debug_build).unwrap(), DefaultSecret::Configured);
        }
    }

    #[test]
    fn only_a_debug_build_falls_back_to_the_development_secret() {
        let in_debug = DefaultSecret::decide(None, false, true).unwrap();
        let in_release = DefaultSecret::decide(None, false, false);

        assert_eq!(in_debug.public_value(), Some(DEVELOPMENT));
        let sentence = in_release.unwrap_err().to_string();
        assert!(sentence.contains("MOJITO_SECRET") && sentence.contains("Rocket.toml"), "{sentence}");
    }

    #[test]
    fn the_development_secret_meets_the_rules() {
        assert!(DEVELOPMENT.len() >= 24 && DEVELOPMENT.bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn a_given_secret_is_never_shown() {
        let secret = DefaultSecret::Given("canary".into());

        assert_eq!(secret.public_value(), None);
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
