use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use rocket::serde::Deserialize;

use super::credential::Credential;
use super::{Key, Secret, SecretConfig};
use crate::{Error, EventKind};

/// A longer name only makes lists harder to read.
const MAX_NAME_LENGTH: usize = 100;

/// A longer id only makes lists harder to read.
const MAX_ID_LENGTH: usize = 100;

/// A path for deliveries, with the secrets that are valid there. Use one per merchant and environment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(crate = "rocket::serde", default, deny_unknown_fields)]
pub struct EndpointConfig {
    pub(super) secrets: Vec<SecretConfig>,
    paused: bool,
}

impl EndpointConfig {
    /// An endpoint without a secret or key, which no launch accepts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret or key. All of them are valid at once. An endpoint with secrets and keys requires one of each.
    pub fn secret(mut self, secret: SecretConfig) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Whether deliveries are answered 503 in this process, so that the sender keeps them. Default: no.
    /// [`Inbox::pause_endpoint`](crate::Inbox::pause_endpoint) pauses without a launch, in every process.
    pub fn paused(mut self, is_paused: bool) -> Self {
        self.paused = is_paused;
        self
    }

    /// Whether a secret or key is configured.
    pub fn has_secret(&self) -> bool {
        !self.secrets.is_empty()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The ids of its secrets and keys.
    pub(super) fn secret_ids(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|secret| secret.id.as_str())
    }

    /// The secrets and keys, in their order.
    #[cfg(any(feature = "cli", feature = "testing"))]
    pub(super) fn secrets(&self) -> &[SecretConfig] {
        &self.secrets
    }

    /// The files that hold a secret.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.secrets.iter().filter_map(SecretConfig::file)
    }

    fn resolve(&self, name: &str, values: &mut Values) -> Result<Endpoint, Error> {
        let path = format!("mojito.endpoints.{name}.secrets");
        check_name(name)?;
        if self.secrets.is_empty() {
            return Err(Error::config(format!(
                "endpoint `{name}` has no secret: set `{path}` to a list of \
                 {{ id = \"…\", header = \"…\", env = \"…\" }}, or `value` or `file` in place of `env`"
            )));
        }
        let mut endpoint = Endpoint { name: name.to_owned(), secrets: Vec::new(), keys: Vec::new() };
        let mut ids = HashSet::new();
        for config in &self.secrets {
            let id = &config.id;
            check_id(id, &path)?;
            let (credential, digest) = Credential::resolve(config)
                .map_err(|fault| Error::config(format!("secret `{id}` in `{path}` {fault}")))?;
            if !ids.insert(id) {
                return Err(Error::config(format!(
                    "secret id `{id}` stands twice in `{path}`: give each a name of its own"
                )));
            }
            values.claim(name, &config.scheme, id, digest)?;
            match credential {
                Credential::Secret(secret) => endpoint.secrets.push(secret),
                Credential::Key(key) => endpoint.keys.push(key),
            }
        }
        Ok(endpoint)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_segment = (1..=MAX_NAME_LENGTH).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !is_segment || EventKind::from_text(name).is_some() {
        return Err(Error::config(format!(
            "endpoint name `{name}`: it becomes a part of the path, so use up to {MAX_NAME_LENGTH} letters, digits, \
             `-` and `_`, and not the name of an event"
        )));
    }
    Ok(())
}

/// The id is stored with each delivery, in a text column.
fn check_id(id: &str, path: &str) -> Result<(), Error> {
    if id.trim().is_empty() {
        return Err(Error::config(format!("a secret in `{path}` has an empty `id`: give each a name of its own")));
    }
    if id.len() > MAX_ID_LENGTH || id.chars().any(char::is_control) {
        return Err(Error::config(format!(
            "a secret in `{path}` has an `id` that is longer than {MAX_ID_LENGTH} bytes or holds control characters: give \
             it a short, plain one"
        )));
    }
    Ok(())
}

/// An endpoint whose settings are sound: it has a secret or a key.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub name: String,
    /// If there are any, the request must carry one of them in its header.
    pub secrets: Vec<Secret>,
    /// If there are any, one of them must have signed the body.
    pub keys: Vec<Key>,
}

/// The endpoint and scheme of each secret value, by the digest of the value.
#[derive(Default)]
struct Values(HashMap<[u8; 32], (String, String)>);

impl Values {
    fn claim(&mut self, endpoint: &str, scheme: &str, id: &str, digest: [u8; 32]) -> Result<(), Error> {
        let (owner, former) = self.0.entry(digest).or_insert_with(|| (endpoint.to_owned(), scheme.to_owned()));
        if owner != endpoint {
            return Err(Error::config(format!(
                "endpoints `{owner}` and `{endpoint}` have one secret in common (`{id}`): \
                 give each a secret of its own, so that deliveries cannot be mixed up"
            )));
        }
        // A key that is also sent in a header is no longer secret. Bytes signed under one scheme may mean something
        // else under another.
        if former != scheme {
            return Err(Error::config(format!(
                "secret `{id}` in `mojito.endpoints.{endpoint}.secrets` has the value of another one with the scheme \
                 `{former}`: give each scheme a secret of its own"
            )));
        }
        Ok(())
    }
}

/// Every endpoint, with the mount below which a request's path names it.
#[derive(Clone, Default)]
pub(crate) struct Endpoints {
    by_name: HashMap<String, Endpoint>,
    mount: Vec<String>,
}

impl Endpoints {
    /// The endpoint whose deliveries come to the mount itself.
    pub const DEFAULT: &str = "default";

    pub fn resolve(configured: &BTreeMap<String, EndpointConfig>, mount: &str) -> Result<Self, Error> {
        if configured.is_empty() {
            return Err(Error::config(
                "no endpoint is configured: set `mojito.endpoints.default.secrets` in Rocket.toml, \
                 ROCKET_MOJITO or code (see MojitoConfig)",
            ));
        }
        let mut by_name = HashMap::new();
        let mut values = Values::default();
        for (name, config) in configured {
            by_name.insert(name.clone(), config.resolve(name, &mut values)?);
        }
        let mount = mount.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        Ok(Self { by_name, mount })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Endpoint> {
        self.by_name.values()
    }

    /// The endpoint and event kind that a path names. Below the mount the path is `[/endpoint][/event]`; elsewhere (a
    /// host's own route) it ends like that.
    pub fn locate<'p>(&self, path: impl Iterator<Item = &'p str>) -> Option<(&Endpoint, Option<EventKind>)> {
        let segments: Vec<&str> = path.collect();
        let is_below_mount =
            segments.len() >= self.mount.len() && self.mount.iter().zip(&segments).all(|(a, b)| a == b);
        let rest = if is_below_mount { &segments[self.mount.len()..] } else { &segments[..] };
        let (event, rest) = match rest.split_last() {
            Some((last, before)) => match EventKind::from_text(last).filter(|event| *event != EventKind::Unknown) {
                Some(event) => (Some(event), before),
                None => (None, rest),
            },
            None => (None, rest),
        };
        let named = rest.last().and_then(|name| self.by_name.get(*name));
        let endpoint = named.or_else(|| self.by_name.get(Self::DEFAULT))?;
        Some((endpoint, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        let endpoint =
            |value: &str| EndpointConfig::new().secret(SecretConfig::header("a", "X-Secret", value.repeat(24)));
        let configured = BTreeMap::from([("default".into(), endpoint("d")), ("staging".into(), endpoint("s"))]);
        Endpoints::resolve(&configured, "/webhooks/jobmojito").unwrap()
    }

    #[test]
    fn a_path_names_endpoint_and_event() {
        let endpoints = endpoints();
        let cases = [
            ("webhooks/jobmojito", "default", None),
            ("webhooks/jobmojito/interview_failed", "default", Some(EventKind::InterviewFailed)),
            ("webhooks/jobmojito/staging", "staging", None),
            ("webhooks/jobmojito/staging/interview_result", "staging", Some(EventKind::InterviewResult)),
            ("my/own/staging/interview_collected", "staging", Some(EventKind::InterviewCollected)),
            ("my/own/interview_collected", "default", Some(EventKind::InterviewCollected)),
            ("my/own/hook", "default", None),
        ];

        for (path, name, event) in cases {
            let (endpoint, found) = endpoints.locate(path.split('/')).unwrap();

            assert_eq!((endpoint.name.as_str(), found), (name, event), "{path}");
        }
    }

    /// The fault of these endpoints.
    fn fault<const N: usize>(endpoints: [(&str, EndpointConfig); N]) -> String {
        let configured = endpoints.map(|(name, endpoint)| (name.to_owned(), endpoint)).into();
        Endpoints::resolve(&configured, "/").err().map(|error| error.to_string()).unwrap_or_default()
    }

    /// An endpoint whose secrets have these ids and values.
    fn with(secrets: &[(&str, &str)]) -> EndpointConfig {
        secrets.iter().fold(EndpointConfig::new(), |endpoint, (id, value)| {
            endpoint.secret(SecretConfig::header(*id, "X-Secret", value.repeat(24)))
        })
    }

    #[test]
    fn an_endpoint_has_a_name_for_a_path_and_a_secret() {
        let (longest, longer) = ("n".repeat(MAX_NAME_LENGTH), "n".repeat(MAX_NAME_LENGTH + 1));

        for name in ["default", "A-1_b", &longest] {
            assert_eq!(fault([(name, with(&[("a", "v")]))]), "");
        }
        for name in ["", "a b", "a/b", "é", "interview_result", &longer] {
            assert!(
                fault([(name, with(&[("a", "v")]))]).contains(&format!("endpoint name `{name}`: it becomes")),
                "{name}"
            );
        }
        assert!(fault([]).contains("no endpoint is configured: set `mojito.endpoints.default.secrets`"));
        assert!(
            fault([("default", with(&[]))]).contains("endpoint `default` has no secret: set `mojito.endpoints.default")
        );
    }

    #[test]
    fn a_secret_has_an_id_of_its_own_that_lists_can_show() {
        let (longest, longer) = ("i".repeat(MAX_ID_LENGTH), "i".repeat(MAX_ID_LENGTH + 1));
        let of = |id: &str| fault([("default", with(&[(id, "v")]))]);

        assert_eq!([of("2026-11"), of("a b"), of(&longest)], [""; 3]);
        assert!(of("").contains("has an empty `id`") && of(" \t").contains("has an empty `id`"));
        assert!(of(&longer).contains("longer than 100 bytes") && of("a\nb").contains("control characters"));
        assert!(fault([("default", with(&[("a", "v"), ("a", "w")]))]).contains("secret id `a` stands twice"));
        assert!(
            fault([("default", with(&[("a", "")]))])
                .contains("secret `a` in `mojito.endpoints.default.secrets` is empty")
        );
    }

    #[test]
    fn a_value_serves_one_endpoint_and_one_scheme() {
        let one = || with(&[("a", "v")]);
        let signed = with(&[("a", "v")]).secret(SecretConfig::github("b", "v".repeat(24)));

        assert_eq!(fault([("default", with(&[("a", "v"), ("b", "v")]))]), "");
        assert!(
            fault([("one", one()), ("two", one())])
                .contains("endpoints `one` and `two` have one secret in common (`a`)")
        );
        assert!(
            fault([("one", signed)]).contains("secret `b` in `mojito.endpoints.one.secrets` has the value of another")
        );
    }

    #[test]
    fn an_endpoint_tells_what_was_configured() {
        let endpoint = with(&[("a", "v"), ("b", "w")]);

        assert_eq!(endpoint.secret_ids().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!([endpoint.has_secret(), EndpointConfig::new().has_secret()], [true, false]);
        assert_eq!([endpoint.is_paused(), endpoint.paused(true).is_paused()], [false, true]);
    }
}
