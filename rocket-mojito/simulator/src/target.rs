use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use crate::{Event, Signer};

/// The receiver: the URL below which its webhooks lie, and the credentials that it knows.
#[derive(Debug, Clone)]
pub struct Target {
    host: String,
    port: u16,
    path: String,
    signers: Vec<Signer>,
}

/// A URL that names no receiver, as a sentence.
#[derive(Debug)]
pub struct TargetError(String);

impl Target {
    /// The receiver at this URL. The name of the event is added, unless the URL ends with one.
    ///
    /// # Errors
    ///
    /// When the URL is no `http://` URL with a host: this client speaks no TLS.
    pub fn try_new(url: &str) -> Result<Self, TargetError> {
        let refused =
            |fault: &str| TargetError(format!("the URL {fault}: give one like http://127.0.0.1:8000/webhooks"));
        let uri: Uri = url.parse().map_err(|_| refused("cannot be read"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refused("asks for TLS, which the simulator does not speak")),
            _ => return Err(refused("does not begin with `http://`")),
        }
        let host = uri.host().ok_or_else(|| refused("has no host"))?.to_owned();
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { host, port: uri.port_u16().unwrap_or(80), path, signers: Vec::new() })
    }

    /// Adds a credential. Every delivery carries all of them.
    pub fn signed_by(mut self, signer: Signer) -> Self {
        self.signers.push(signer);
        self
    }

    /// Whether the receiver is on this machine, by its address or by the name `localhost`. No name is resolved.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The URL for an event; for none, that of all events.
    pub fn url(&self, event: Option<Event>) -> String {
        format!("http://{}{}", self.authority(), self.path_of(event))
    }

    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(crate) fn path_of(&self, event: Option<Event>) -> String {
        let ends_with_one = Event::ALL.iter().any(|event| self.path.rsplit('/').next() == Some(event.as_str()));
        match event {
            Some(event) if !ends_with_one => format!("{}/{event}", self.path),
            _ if self.path.is_empty() => "/".to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The headers of a request with this message.
    pub(crate) fn headers(&self, message_id: &str, sent_at: u64, body: &[u8]) -> Vec<(String, String)> {
        self.signers.iter().flat_map(|signer| signer.sign(message_id, sent_at, body)).collect()
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_added_once() {
        let url = |base: &str, event| Target::try_new(base).unwrap().url(event);

        assert_eq!(url("http://a/b/", Some(Event::Failed)), "http://a:80/b/interview_failed");
        assert_eq!(url("http://a:1/b/interview_result", Some(Event::Failed)), "http://a:1/b/interview_result");
        assert_eq!(url("http://a:1", None), "http://a:1/");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let is_loopback = |host: &str| Target::try_new(&format!("http://{host}:8000/x")).unwrap().is_loopback();

        for host in ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LocalHost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "0.0.0.0", "[::]", "example.org", "localhost.example.org", "127.0.0.1.example.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_posted_to_is_refused() {
        for url in ["", "127.0.0.1:8000", "/webhooks", "https://example.org", "ftp://example.org"] {
            assert!(Target::try_new(url).is_err(), "{url}");
        }
    }
}
