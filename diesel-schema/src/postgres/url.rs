use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use super::tls::{Roots, SslMode};
use crate::error::OpenError;

/// What every connection has unless its URL says otherwise: a network that has gone silent is noticed within 30 s.
const DEFAULTS: &str = "application_name=mojito&connect_timeout=5&tcp_user_timeout=10\
                        &keepalives_idle=5&keepalives_interval=2&keepalives_retries=3";

/// What stands between this process and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy {
    /// Nothing that matters: a connection is a session.
    None,
    /// Each transaction goes to a session of its own.
    Transaction,
}

/// A Postgres URL, taken apart: the driver does not know every `sslmode`, nor `sslrootcert`, nor `proxy`.
#[derive(Debug)]
pub(super) struct Url {
    pub config: Config,
    pub mode: SslMode,
    pub roots: Roots,
    pub proxy: Proxy,
}

impl Url {
    /// # Errors
    ///
    /// A sentence that quotes nothing of the URL: it may hold a password, wherever that was put.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::new(
                "not the URL of a Postgres database: set `url` to `postgres://user:password@host/name`",
            ));
        }
        // A password may hold a bare `?`: the driver reads up to the first `@` before it looks for one.
        let after_password = url.find('@').unwrap_or(0);
        let (address, parameters) = match url[after_password..].find('?') {
            Some(at) => (&url[..after_password + at], &url[after_password + at + 1..]),
            None => (url, ""),
        };
        let mut passed_on = DEFAULTS.to_owned();
        let (mut mode, mut roots, mut proxy) = (SslMode::Prefer, Roots::System, Proxy::None);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = SslMode::parse(value)?,
                Some(("sslrootcert", "system")) => roots = Roots::System,
                Some(("sslrootcert", value)) => {
                    roots = Roots::File(percent_decode_str(value).decode_utf8_lossy().as_ref().into());
                }
                Some(("proxy", "transaction")) => proxy = Proxy::Transaction,
                Some(("proxy", "none")) => proxy = Proxy::None,
                Some(("proxy", _)) => {
                    let remedy =
                        "write `none`, or `transaction` for one that hands each transaction to another session";
                    return Err(OpenError::new(format!("an unknown `proxy` in the URL: {remedy}")));
                }
                _ => passed_on = format!("{passed_on}&{parameter}"),
            }
        }
        let config: Result<Config, _> = format!("{address}?{passed_on}").parse();
        let mut config = config.map_err(|_| {
            OpenError::new(
                "the URL of the Postgres database cannot be read: write `postgres://user:password@host/name`, with \
                 special characters percent-encoded (`@` is `%40`, `?` is `%3F`, `#` is `%23`)",
            )
        })?;
        config.ssl_mode(mode.of_driver());
        Ok(Self { config, mode, roots, proxy })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_silent_network_is_noticed_unless_the_url_says_otherwise() {
        let plain = Url::parse("postgres://u@h/d").unwrap().config;
        let patient = Url::parse("postgres://u@h/d?keepalives_idle=60&connect_timeout=9").unwrap().config;

        assert_eq!(plain.get_keepalives_idle(), Duration::from_secs(5));
        assert_eq!(plain.get_keepalives_interval(), Some(Duration::from_secs(2)));
        assert_eq!(plain.get_keepalives_retries(), Some(3));
        assert_eq!(plain.get_tcp_user_timeout(), Some(&Duration::from_secs(10)));
        assert_eq!(plain.get_connect_timeout(), Some(&Duration::from_secs(5)));
        assert_eq!(patient.get_keepalives_idle(), Duration::from_secs(60));
        assert_eq!(patient.get_connect_timeout(), Some(&Duration::from_secs(9)));
    }

    #[test]
    fn the_settings_of_tls_are_ours_to_read() {
        let url =
            Url::parse("postgres://u@h/d?sslmode=verify-full&sslrootcert=/etc/my%20root.pem&options=-ca").unwrap();
        let default = Url::parse("postgresql://u@h/d").unwrap();

        assert_eq!((url.mode, url.roots), (SslMode::VerifyFull, Roots::File("/etc/my root.pem".into())));
        assert_eq!(url.config.get_options(), Some("-ca"));
        assert_eq!((default.mode, default.roots), (SslMode::Prefer, Roots::System));
    }

    #[test]
    fn a_proxy_is_ours_to_know() {
        let of = |url| Url::parse(url).map(|url| url.proxy);

        assert_eq!(of("postgres://u@h/d").unwrap(), Proxy::None);
        assert_eq!(of("postgres://u@h/d?proxy=none").unwrap(), Proxy::None);
        assert_eq!(of("postgres://u@h/d?proxy=transaction").unwrap(), Proxy::Transaction);
        assert!(of("postgres://u@h/d?proxy=session").unwrap_err().to_string().contains("`proxy`"));
    }

    #[test]
    fn a_password_may_hold_a_question_mark() {
        let config = Url::parse("postgres://u:what?@h/d").unwrap().config;

        assert_eq!(config.get_password(), Some(&b"what?"[..]));
        assert_eq!((config.get_dbname(), config.get_keepalives_idle()), (Some("d"), Duration::from_secs(5)));
    }

    #[test]
    fn no_message_quotes_the_password() {
        let urls = [
            "postgres://user:hunter2@host:port/name",
            "postgres://user:hunter2?x@host/name?sslmode=hunter2",
            "postgres://user@host/name?hunter2=hunter2",
            "postgres://user@host/name?sslmode=hunter2%zz&sslmode=hunter2",
            "mysql://user:hunter2@host/name",
            "user:hunter2@host",
        ];

        for url in urls {
            let error = Url::parse(url).unwrap_err();

            let told = format!("{error} {error:?}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
