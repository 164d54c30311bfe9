use tokio_postgres::Config;

use crate::engine::open_error::OpenError;

/// The parameters that the driver itself reads, with the kinds of their values.
const DRIVER_PARAMETERS: [(&str, &str); 15] = [
    ("user", "a name"),
    ("password", "the password, percent-encoded"),
    ("dbname", "a name"),
    ("host", "a name or an address"),
    ("hostaddr", "an address such as `192.0.2.7`"),
    ("port", "a number from 1 to 65535"),
    ("options", "settings of the session, such as `-csearch_path%3Dhiring`"),
    ("application_name", "a text"),
    ("connect_timeout", "whole seconds"),
    ("tcp_user_timeout", "whole seconds"),
    ("keepalives", "`1` or `0`"),
    ("keepalives_idle", "whole seconds"),
    ("keepalives_interval", "whole seconds"),
    ("keepalives_retries", "a number"),
    ("target_session_attrs", "`any` or `read-write`"),
];

/// The driver's parameters with a fixed set of words.
const WORDS: [(&str, &str); 3] = [
    ("sslnegotiation", "`postgres` or `direct`"),
    ("channel_binding", "`disable`, `prefer` or `require`"),
    ("load_balance_hosts", "`disable` or `random`"),
];

/// The parameters of other clients, with the values that change nothing here. `*` is every value.
const WITHOUT_EFFECT: [(&str, &[&str]); 17] = [
    ("gssencmode", &["disable", "prefer"]),
    ("client_encoding", &["utf8", "utf-8", "unicode", "auto"]),
    ("fallback_application_name", &["*"]),
    ("krbsrvname", &["*"]),
    ("gsslib", &["*"]),
    ("gssdelegation", &["0"]),
    ("sslcompression", &["*"]),
    ("sslsni", &["1"]),
    ("sslcertmode", &["disable", "allow"]),
    ("ssl_min_protocol_version", &["tlsv1", "tlsv1.1", "tlsv1.2"]),
    ("ssl_max_protocol_version", &["tlsv1.3"]),
    ("min_protocol_version", &["3.0"]),
    ("max_protocol_version", &["*"]),
    ("requiressl", &["0"]),
    ("pgbouncer", &["false"]),
    ("schema", &["public"]),
    ("currentschema", &["public"]),
];

const CLIENT_CERTIFICATE: &str = "no certificate of a client is shown here: give the user a password";
const POOL: &str = "set `max_connections` and `connect_timeout` beside `url`";
const PREPARED: &str = "write `proxy=transaction` where a proxy hands each transaction to another session";
const SCHEMA: &str = "write `options=-csearch_path%3D` and the name of the schema";
const SESSION: &str = "write settings of the session as `options=-cNAME%3DVALUE`";
const TLS: &str = "write `sslmode=require`, or `sslmode=verify-full` with `sslrootcert=…`";
const WRITTEN_OUT: &str = "write user, password, host and name of the database into the URL";

/// The parameters of other clients that would matter here, with their equivalents.
const INSTEAD: [(&str, &str); 41] = [
    ("gssencmode", "no connection is encrypted by GSSAPI here: write `sslmode=verify-full`"),
    ("gssdelegation", "nobody logs in by GSSAPI here: give the user a password"),
    ("client_encoding", "texts are always sent as UTF-8: remove it"),
    ("sslcert", CLIENT_CERTIFICATE),
    ("sslkey", CLIENT_CERTIFICATE),
    ("sslpassword", CLIENT_CERTIFICATE),
    ("sslidentity", CLIENT_CERTIFICATE),
    ("sslcertmode", CLIENT_CERTIFICATE),
    ("sslcrl", "no list of revoked certificates is read here: remove it, and renew the root instead"),
    ("sslcrldir", "no list of revoked certificates is read here: remove it, and renew the root instead"),
    ("sslsni", "the server's name is always told: remove it"),
    ("ssl_min_protocol_version", "TLS 1.2 and 1.3 are spoken here: have the server insist on 1.3, and remove it"),
    ("ssl_max_protocol_version", "TLS 1.2 and 1.3 are spoken here: have the server insist on 1.2, and remove it"),
    ("min_protocol_version", "version 3.0 of the protocol is spoken here: remove it"),
    ("require_auth", "the server chooses how to log in: have its pg_hba.conf insist, and remove it"),
    ("requirepeer", "nobody looks at the user of the server here: remove it"),
    ("requiressl", TLS),
    ("ssl", TLS),
    ("sslaccept", TLS),
    ("usessl", TLS),
    ("passfile", WRITTEN_OUT),
    ("service", WRITTEN_OUT),
    ("servicefile", WRITTEN_OUT),
    ("username", WRITTEN_OUT),
    ("database", WRITTEN_OUT),
    ("pgbouncer", PREPARED),
    ("preparethreshold", PREPARED),
    ("prepared_statements", PREPARED),
    ("statement_cache_size", PREPARED),
    ("schema", SCHEMA),
    ("currentschema", SCHEMA),
    ("search_path", SCHEMA),
    ("statement_timeout", SESSION),
    ("lock_timeout", SESSION),
    ("timezone", SESSION),
    ("role", SESSION),
    ("connection_limit", POOL),
    ("pool_size", POOL),
    ("pool_timeout", POOL),
    ("max_connections", POOL),
    ("socket_timeout", "a server that falls silent is noticed within 30 s anyway: remove it"),
];

/// The part of a URL's parameter that the driver is to read; `None` where the parameter changes nothing.
///
/// # Errors
///
/// A sentence that names the parameter and the remedy, and quotes no value. A name is quoted where it is a client's
/// setting or looks like one: an unencoded password may stand in its place.
pub(super) fn of_driver(parameter: &str) -> Result<Option<String>, OpenError> {
    let Some((name, value)) = parameter.split_once('=') else {
        return Err(OpenError::new("the URL has a parameter without a value: write `name=value`, or remove it"));
    };
    let read = DRIVER_PARAMETERS.iter().chain(&WORDS).find(|(known, _)| *known == name);
    if let Some((_, words)) = read {
        // The parameter is parsed once alone, so that an unreadable one is told from the others.
        return match format!("postgres://h?{parameter}").parse::<Config>() {
            Ok(_) => Ok(Some(parameter.to_owned())),
            Err(_) => {
                Err(OpenError::new(format!("`{name}` in the URL has a value that cannot be read: write {words}")))
            }
        };
    }
    let (known, value) = (name.to_ascii_lowercase(), value.to_ascii_lowercase());
    if known == "keepalives_count" {
        return of_driver(&format!("keepalives_retries={value}"));
    }
    let is_without_effect = |(name, values): &(&str, &[&str])| {
        *name == known && values.iter().any(|known| *known == "*" || *known == value)
    };
    if WITHOUT_EFFECT.iter().any(is_without_effect) {
        return Ok(None);
    }
    let remedy = INSTEAD.iter().find(|(name, _)| *name == known).map(|(_, remedy)| *remedy);
    let is_plain = !name.is_empty() && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    let shown = if is_plain { format!("`{name}`") } else { "whose name is none".to_owned() };
    let remedy = remedy.unwrap_or("remove it, and percent-encode special characters in the password (`?` is `%3F`)");
    Err(OpenError::new(format!("the URL has a parameter that is not read, {shown}: {remedy}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(parameter: &str) -> String {
        of_driver(parameter).unwrap_err().to_string()
    }

    #[test]
    fn what_changes_nothing_is_accepted() {
        for parameter in [
            "gssencmode=disable",
            "gssencmode=prefer",
            "client_encoding=UTF8",
            "client_encoding=utf-8",
            "fallback_application_name=psql",
            "sslcompression=0",
            "sslsni=1",
            "ssl_min_protocol_version=TLSv1.2",
            "pgbouncer=false",
            "schema=public",
        ] {
            assert_eq!(of_driver(parameter).unwrap(), None, "{parameter}");
        }
    }

    #[test]
    fn what_would_matter_is_named_with_what_does_the_same() {
        for (parameter, remedy) in [
            ("gssencmode=require", "sslmode=verify-full"),
            ("client_encoding=LATIN1", "UTF-8"),
            ("sslcert=/canary.pem", "a password"),
            ("sslkey=/canary.pem", "a password"),
            ("pgbouncer=true", "proxy=transaction"),
            ("statement_cache_size=0", "proxy=transaction"),
            ("schema=canary", "options=-csearch_path%3D"),
            ("currentSchema=canary", "options=-csearch_path%3D"),
            ("connection_limit=5", "max_connections"),
            ("ssl=true", "sslmode=require"),
            ("service=canary", "into the URL"),
            ("sslcrl=/canary", "revoked"),
            ("ssl_min_protocol_version=TLSv1.3", "insist on 1.3"),
            ("statement_timeout=5s", "options=-c"),
        ] {
            let sentence = refusal(parameter);

            let name = parameter.split('=').next().unwrap();
            assert!(sentence.contains(&format!("`{name}`")) && sentence.contains(remedy), "{sentence}");
            assert!(!sentence.contains("canary"), "{sentence}");
        }
    }

    #[test]
    fn what_nobody_knows_is_named() {
        let sentence = refusal("colour=canary9");

        assert!(sentence.contains("`colour`") && sentence.contains("remove it"), "{sentence}");
        for parameter in ["canary9=x", "=canary9", "canary9", "a canary9=x"] {
            assert!(!refusal(parameter).contains("canary9"), "{}", refusal(parameter));
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_told_with_what_can() {
        for (parameter, words) in [
            ("connect_timeout=canary", "whole seconds"),
            ("target_session_attrs=canary", "`any` or `read-write`"),
            ("keepalives_count=canary", "`keepalives_retries`"),
            ("hostaddr=canary", "an address"),
            ("channel_binding=canary", "`require`"),
        ] {
            let sentence = refusal(parameter);

            assert!(sentence.contains(words) && !sentence.contains("canary"), "{sentence}");
        }
    }

    #[test]
    fn the_driver_reads_what_is_said_to_be_read() {
        let values = [
            "user=u",
            "password=p",
            "dbname=d",
            "host=h",
            "hostaddr=::1",
            "port=1",
            "options=-ca",
            "application_name=a",
            "connect_timeout=1",
            "tcp_user_timeout=1",
            "keepalives=1",
            "keepalives_idle=1",
            "keepalives_interval=1",
            "keepalives_retries=1",
            "target_session_attrs=read-write",
            "sslnegotiation=direct",
            "channel_binding=require",
            "load_balance_hosts=random",
        ];

        assert_eq!(values.len(), DRIVER_PARAMETERS.len() + WORDS.len());
        for parameter in values {
            assert_eq!(of_driver(parameter).unwrap().as_deref(), Some(parameter));
        }
        assert_eq!(of_driver("keepalives_count=4").unwrap().as_deref(), Some("keepalives_retries=4"));
    }
}
