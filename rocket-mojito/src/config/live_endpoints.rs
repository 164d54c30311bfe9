use std::collections::BTreeMap;
use std::fs::Metadata;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use super::{EndpointConfig, Endpoints};
use crate::Error;

/// The endpoints in force. Their secrets can be read again while requests are served.
#[derive(Clone)]
pub(crate) struct LiveEndpoints(Arc<Inner>);

#[derive(Default)]
struct Inner {
    configured: BTreeMap<String, EndpointConfig>,
    mount: String,
    in_force: RwLock<Arc<Endpoints>>,
    /// The files of the secrets in force, as they were before they were read.
    files: Mutex<FileStates>,
}

/// The state of each secret's file.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct FileStates(Vec<Option<FileState>>);

/// The state of a file, without its content. Another file under the same name differs in its number.
#[derive(Clone, PartialEq, Eq)]
struct FileState {
    modified_at: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl LiveEndpoints {
    /// Reads every secret, from its configured source.
    ///
    /// # Errors
    ///
    /// When an endpoint or a secret is not sound.
    pub fn resolve(configured: &BTreeMap<String, EndpointConfig>, mount: &str) -> Result<Self, Error> {
        let files = file_states(configured);
        let in_force = RwLock::new(Arc::new(Endpoints::resolve(configured, mount)?));
        let (configured, mount) = (configured.clone(), mount.to_owned());
        Ok(Self(Arc::new(Inner { configured, mount, in_force, files: Mutex::new(files) })))
    }

    /// Endpoints whose secrets are not read, for a process that receives nothing.
    #[cfg(feature = "cli")]
    pub fn unread(configured: &BTreeMap<String, EndpointConfig>) -> Self {
        Self(Arc::new(Inner { configured: configured.clone(), ..Inner::default() }))
    }

    /// The ids of the configured secrets and keys, by endpoint.
    pub fn secret_ids(&self) -> BTreeMap<String, Vec<String>> {
        let ids = |endpoint: &EndpointConfig| endpoint.secret_ids().map(str::to_owned).collect();
        self.0.configured.iter().map(|(name, endpoint)| (name.clone(), ids(endpoint))).collect()
    }

    pub fn in_force(&self) -> Arc<Endpoints> {
        Arc::clone(&self.0.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads every secret again. Requests that have begun go on with the former ones.
    ///
    /// # Errors
    ///
    /// When a secret is not sound any more. Then the former ones stay in force.
    pub fn reload(&self) -> Result<(), Error> {
        // Two reloads at once must not leave the older one's secrets beside the newer one's files.
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        // A change during the reading is found by the next look.
        let states = file_states(&self.0.configured);
        let endpoints = Arc::new(Endpoints::resolve(&self.0.configured, &self.0.mount)?);
        *self.0.in_force.write().unwrap_or_else(PoisonError::into_inner) = endpoints;
        *files = states;
        Ok(())
    }

    /// Whether a secret comes from a file.
    pub fn has_files(&self) -> bool {
        self.0.configured.values().any(|endpoint| endpoint.files().next().is_some())
    }

    /// The present state of the files, if it differs from the one in force.
    pub fn changed_files(&self) -> Option<FileStates> {
        let states = file_states(&self.0.configured);
        let files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        (states != *files).then_some(states)
    }
}

fn file_states(configured: &BTreeMap<String, EndpointConfig>) -> FileStates {
    let files = configured.values().flat_map(EndpointConfig::files);
    FileStates(files.map(|file| std::fs::metadata(file).ok().map(|metadata| FileState::new(&metadata))).collect())
}

impl FileState {
    fn new(metadata: &Metadata) -> Self {
        Self { modified_at: metadata.modified().ok(), length: metadata.len(), number: number(metadata) }
    }
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use rocket::figment::Figment;
    use rocket::figment::providers::{Format, Toml};

    use super::*;
    use crate::MojitoConfig;

    /// The digest of the only secret in force.
    fn digest(endpoints: &LiveEndpoints) -> [u8; 32] {
        endpoints.in_force().iter().next().unwrap().secrets[0].digest
    }

    #[test]
    fn a_file_that_has_changed_is_read_again_and_one_that_is_no_longer_sound_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let secrets = format!(r#"[{{ id = "a", header = "X-Secret", file = "{}" }}]"#, file.display());
        let toml = Toml::string(&format!("[mojito.endpoints.default]\nsecrets = {secrets}"));
        let config = MojitoConfig::from_figment(&Figment::from(toml)).unwrap();
        std::fs::write(&file, format!("{}\r\n", "v".repeat(24))).unwrap();
        let endpoints = LiveEndpoints::resolve(&config.endpoints, "/").unwrap();
        let first = digest(&endpoints);
        assert!(endpoints.has_files() && endpoints.changed_files().is_none());

        std::fs::write(&file, "w".repeat(30)).unwrap();
        assert!(endpoints.changed_files().is_some());
        assert_eq!(digest(&endpoints), first, "nobody has read it");
        endpoints.reload().unwrap();
        let second = digest(&endpoints);
        assert!(second != first && endpoints.changed_files().is_none());

        std::fs::write(&file, "short").unwrap();
        let fault = endpoints.reload().unwrap_err().to_string();
        assert!(fault.contains("has 5 characters, and 24 are the least"), "{fault}");
        assert_eq!(digest(&endpoints), second);
        assert!(endpoints.changed_files().is_some(), "it is looked at again");
        std::fs::remove_file(&file).unwrap();
        let fault = endpoints.reload().unwrap_err().to_string();
        assert!(fault.contains("which cannot be read (entity not found): create it"), "{fault}");
        assert!(endpoints.changed_files().is_some());
    }

    #[test]
    fn secrets_are_named_by_their_endpoints() {
        let config = MojitoConfig::new()
            .secret("default", crate::SecretConfig::header("a", "X-Secret", "v".repeat(24)))
            .secret("staging", crate::SecretConfig::github("b", "w".repeat(24)));
        let endpoints = LiveEndpoints::resolve(&config.endpoints, "/").unwrap();
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();

        let named = endpoints.secret_ids().into_iter().collect::<Vec<_>>();

        assert_eq!(named, [("default".to_owned(), ids(&["a"])), ("staging".to_owned(), ids(&["b"]))]);
        assert!(!endpoints.has_files() && endpoints.changed_files().is_none());
    }
}
