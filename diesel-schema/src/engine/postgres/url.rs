use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::parameter;
use super::tls::{Roots, SslMode};
use crate::engine::open_error::OpenError;

/// The defaults of every connection, unless its URL says otherwise: a silent network is noticed within 30 s.
const DEFAULTS: &str = "application_name=mojito&connect_timeout=5&tcp_user_timeout=10\
                        &keepalives_idle=5&keepalives_interval=2&keepalives_retries=3";

/// The proxy between this process and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxy {
    /// No proxy that matters: a connection is a session.
    None,
    /// A proxy that gives each transaction a session of its own.
    Transaction,
}

/// A Postgres URL, taken apart: the driver knows not every `sslmode`, and neither `sslrootcert` nor `proxy`.
#[derive(Debug)]
pub(super) struct Url {
    pub config: Config,
    pub mode: SslMode,
    /// Whether the URL names no `sslmode`.
    pub is_assumed: bool,
    pub roots: Roots,
    pub proxy: Proxy,
}

impl Url {
    /// # Errors
    ///
    /// A sentence that quotes nothing of the URL: it may hold a password, in whatever place.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::new(
                "not the URL of a Postgres database: set `url` to `postgres://user:password@host/name`",
            ));
        }
        // A password may hold a bare `?`: the driver reads up to the first `@` before it looks for a `?`.
        let after_password = url.find('@').unwrap_or(0);
        let (address, parameters) = match url[after_password..].find('?') {
            Some(at) => (&url[..after_password + at], &url[after_password + at + 1..]),
            None => (url, ""),
        };
        let mut passed_on = DEFAULTS.to_owned();
        let (mut mode, mut roots, mut proxy) = (None, None, Proxy::None);
        // An `@` behind the `?` belongs to a password with a bare `@`: its rest must not be taken for a parameter.
        if parameters.contains('@') {
            return Err(unreadable());
        }
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(SslMode::parse(value)?),
                Some(("sslrootcert", "system")) => roots = Some(Roots::System),
                Some(("sslrootcert", value)) => {
                    roots = Some(Roots::File(percent_decode_str(value).decode_utf8_lossy().as_ref().into()));
                }
                Some(("proxy", "transaction")) => proxy = Proxy::Transaction,
                Some(("proxy", "none")) => proxy = Proxy::None,
                Some(("proxy", _)) => {
                    let remedy =
                        "write `none`, or `transaction` for one that hands each transaction to another session";
                    return Err(OpenError::new(format!("an unknown `proxy` in the URL: {remedy}")));
                }
                _ => {
                    if let Some(parameter) = parameter::of_driver(parameter)? {
                        passed_on = format!("{passed_on}&{parameter}");
                    }
                }
            }
        }
        let config: Result<Config, _> = format!("{address}?{passed_on}").parse();
        let mut config = config.map_err(|_| unreadable())?;
        let is_assumed = mode.is_none();
        let mode = mode.unwrap_or_else(|| match roots {
            None if is_this_machine(&config) => SslMode::Prefer,
            _ => SslMode::VerifyFull,
        });
        config.ssl_mode(mode.of_driver());
        Ok(Self { config, mode, is_assumed, roots: roots.unwrap_or(Roots::System), proxy })
    }
}

fn unreadable() -> OpenError {
    OpenError::new(
        "the URL of the Postgres database cannot be read: write `postgres://user:password@host/name`, with special \
         characters percent-encoded (`@` is `%40`, `?` is `%3F`, `#` is `%23`)",
    )
}

/// Whether nobody on a network could pretend to be the server.
fn is_this_machine(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            let address: Result<IpAddr, _> = name.trim_matches(['[', ']']).parse();
            name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
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

        assert_eq!((url.mode, url.roots), (SslMode::VerifyFull, Roots::File("/etc/my root.pem".into())));
        assert_eq!(url.config.get_options(), Some("-ca"));
    }

    #[test]
    fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
        let mode = |url: &str| Url::parse(url).unwrap().mode;

        for here in ["localhost", "127.0.0.1:5433", "[::1]", "%2Frun%2Fpostgresql", "127.0.0.1,localhost"] {
            assert_eq!(mode(&format!("postgres://u@{here}/d")), SslMode::Prefer, "{here}");
        }
        for elsewhere in ["h", "192.0.2.7", "localhost.example.com", "localhost,h"] {
            assert_eq!(mode(&format!("postgresql://u@{elsewhere}/d")), SslMode::VerifyFull, "{elsewhere}");
        }
        assert_eq!(mode("postgres://u@h/d?sslmode=prefer"), SslMode::Prefer);
        assert_eq!(mode("postgres://u@localhost/d?sslrootcert=/root.pem"), SslMode::VerifyFull);
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
            "postgres://user:p@hunter2?hunter=hunter2@host/name",
            "postgres://user@host/name?connect_timeout=hunter2&schema=hunter2",
            "postgres://user@host/name?schema=hunter2",
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
