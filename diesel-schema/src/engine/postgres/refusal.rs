use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use tokio_postgres::error::{DbError, SqlState};

use crate::engine::open_error::OpenError;

/// The message where the URL leaves the encryption to us, and there is none.
const UNVERIFIED: &str = "its URL names no `sslmode`, so a server on another machine must show a certificate for its \
    name from a known root (name that root in the URL, `sslrootcert=…`; or set `sslmode` to what the network allows)";

/// Why there is no connection to the server: the server's answer or the network's failure, and the remedy.
///
/// The server's own message is left out: it quotes names, and parts of the request.
pub(super) fn unreachable(error: impl Into<Box<dyn StdError + Send + Sync>>) -> OpenError {
    let error = error.into();
    let causes = || std::iter::successors(Some(&*error as &(dyn StdError + 'static)), |&error| error.source());
    if let Some(refusal) = causes().find_map(|error| error.downcast_ref::<DbError>()) {
        let code = refusal.code();
        let class = code.code().get(..2).unwrap_or_default();
        let code = code.code();
        return OpenError::new(format!(
            "the Postgres database cannot be reached: the server refuses (class {class}, SQLSTATE {code}): {}",
            of_refusal(refusal.code())
        ));
    }
    let remedy =
        causes().find_map(|error| error.downcast_ref::<io::Error>()).and_then(|error| of_network(error.kind()));
    match remedy {
        Some(remedy) => OpenError::because(format!("the Postgres database cannot be reached: {remedy}"), error),
        None => OpenError::because("the Postgres database cannot be reached", error),
    }
}

/// The refusal where the URL names no `sslmode`.
pub(super) fn unverified(error: tokio_postgres::Error) -> OpenError {
    // Only the message tells the driver's kinds of errors apart.
    if error.to_string().starts_with("error performing TLS handshake") {
        return OpenError::because(format!("the Postgres database cannot be reached; {UNVERIFIED}"), error);
    }
    unreachable(error)
}

fn of_refusal(code: &SqlState) -> &'static str {
    match *code {
        SqlState::INVALID_PASSWORD => "user or password is wrong: correct them in the URL",
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "this user may not log in from here, or not in this way: correct the URL, or the server's pg_hba.conf"
        }
        SqlState::INVALID_CATALOG_NAME => "there is no such database: create it, or correct its name in the URL",
        SqlState::TOO_MANY_CONNECTIONS => {
            "it has no connection left: lower `max_connections` of the pools, or raise the server's"
        }
        SqlState::CANNOT_CONNECT_NOW => "it is starting up, shutting down or recovering: try again soon",
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => "it is being shut down: try again soon",
        SqlState::INSUFFICIENT_PRIVILEGE => "this user may not connect: GRANT CONNECT on the database",
        SqlState::UNDEFINED_OBJECT | SqlState::INVALID_PARAMETER_VALUE | SqlState::CANT_CHANGE_RUNTIME_PARAM => {
            "a setting in `options` of the URL is wrong: correct or remove it"
        }
        _ => "the server's log says why",
    }
}

fn of_network(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::ConnectionRefused => Some("nobody listens there: start the server, or correct host and port"),
        ErrorKind::NotFound => Some("there is no such socket: start the server, or correct the folder in the URL"),
        ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Some("nobody answers there: correct the host, or see what stands in between")
        }
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
            Some("the connection was closed: is this the port of a Postgres server?")
        }
        _ => None,
    }
}
