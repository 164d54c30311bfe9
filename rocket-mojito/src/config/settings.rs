use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rocket::data::{ByteUnit, ToByteUnit};
use rocket::figment::error::Kind;
use rocket::figment::value::Dict;
use rocket::figment::{Figment, Profile, Provider};
use rocket::serde::{Deserialize, Deserializer};

use super::bounds::{self, Number};
use super::figment_error::is_setting;
use super::origin::Origin;
use super::{EndpointConfig, LiveEndpoints, SecretConfig, describe, variables};
use crate::Error;

/// Every setting of the plugin. The key is `mojito` in `Rocket.toml`, and `ROCKET_MOJITO` in the environment.
///
/// A setting that is missing, unknown or contradictory stops the launch with a sentence, as does a number that is 0 or
/// too large. So does an environment variable that begins with `ROCKET_MOJITO_`, since nothing would read it.
///
/// ```
/// # use rocket_mojito::{EndpointConfig, MojitoConfig, SecretConfig};
/// let config = MojitoConfig::new().max_attempts(5).endpoint(
///     "default",
///     EndpointConfig::new().secret(SecretConfig::header("2026-11", "X-Mojito-Secret", "7hQ2mZ0pVx9sLr4TkWc8bN1f")),
/// );
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(crate = "rocket::serde", default, deny_unknown_fields)]
pub struct MojitoConfig {
    pub(crate) mount: String,
    pub(crate) body_limit: ByteUnit,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) body_deadline: Duration,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) ack_deadline: Duration,
    pub(crate) queue_limit: ByteUnit,
    pub(crate) handler_concurrency: usize,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) handler_timeout: Duration,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) lease: Duration,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) poll_interval: Duration,
    pub(crate) max_attempts: u16,
    pub(crate) retention_days: u32,
    pub(crate) body_retention_days: u32,
    /// In hours.
    pub(crate) silence_alert: Option<u32>,
    pub(crate) migrate: bool,
    pub(crate) allow_ephemeral: bool,
    pub(crate) require_standby: bool,
    pub(crate) paused_handlers: BTreeSet<String>,
    pub(crate) endpoints: BTreeMap<String, EndpointConfig>,
    #[serde(skip)]
    origin: Origin,
}

impl Default for MojitoConfig {
    fn default() -> Self {
        Self {
            mount: "/webhooks/jobmojito".to_owned(),
            body_limit: 1.mebibytes(),
            body_deadline: Duration::from_secs(10),
            ack_deadline: Duration::from_secs(5),
            queue_limit: 32.mebibytes(),
            handler_concurrency: 4,
            handler_timeout: Duration::from_secs(300),
            lease: Duration::from_secs(15),
            poll_interval: Duration::from_secs(1),
            max_attempts: 20,
            retention_days: 400,
            body_retention_days: 90,
            silence_alert: None,
            migrate: true,
            allow_ephemeral: false,
            require_standby: false,
            paused_handlers: BTreeSet::new(),
            endpoints: BTreeMap::new(),
            origin: Origin::default(),
        }
    }
}

impl MojitoConfig {
    /// The defaults, without an endpoint. No launch accepts them before an endpoint is added.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of `Rocket.toml` and the environment, over the defaults.
    ///
    /// At launch they are read again, from the configuration of the Rocket that the fairing is attached to. With
    /// `rocket::build()` that is the same one; with `rocket::custom(figment)` it is the host's. A setting that code has
    /// changed since keeps the code's value.
    ///
    /// # Errors
    ///
    /// When a setting is unknown or has a value of another type. A missing setting is an error only at launch, so that
    /// code can still add it.
    pub fn from_env() -> Result<Self, Error> {
        let settings = Self::from_figment(&rocket::Config::figment())?;
        Ok(Self { origin: Origin::environment(), ..settings })
    }

    /// The same, from this configuration alone, whatever Rocket the fairing is attached to.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_figment(figment: &Figment) -> Result<Self, Error> {
        if is_taken_for_a_profile(figment) {
            return Err(Error::config(
                "`[mojito]` in Rocket.toml is taken for a profile, of which nothing is read: write `[default.mojito]`, and \
                 `[default.mojito.endpoints.default]` for what is below it",
            ));
        }
        let unreadable = |error| Error::config(describe("mojito", &error));
        match figment.find_value("mojito") {
            Err(error) if matches!(error.kind, Kind::MissingField(_)) => Ok(Self::default()),
            Err(error) => Err(unreadable(error)),
            Ok(_) => figment.extract_inner("mojito").map_err(unreadable),
        }
    }

    /// The path at which the routes are mounted. Default: `/webhooks/jobmojito`. Of a fairing
    /// [`without_routes`](crate::MojitoFairing::without_routes), the path of the host's own routes.
    pub fn mount(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.change(move |settings| settings.mount.clone_from(&path))
    }

    /// The maximum size of a body; a larger one is answered 413. Default: 1 MiB, at most 64 MiB. JobMojito's bodies are
    /// a few kB.
    pub fn body_limit(self, limit: ByteUnit) -> Self {
        self.change(move |settings| settings.body_limit = limit)
    }

    /// The time for a body to arrive, counted from its first bytes; a later one is answered 408. Default: 10 s, at most
    /// 1 h.
    pub fn body_deadline(self, deadline: Duration) -> Self {
        self.change(move |settings| settings.body_deadline = deadline)
    }

    /// The time for a request's commit. A later one is answered 503, and the commit may still happen. Default: 5 s, at
    /// most 1 h.
    pub fn ack_deadline(self, deadline: Duration) -> Self {
        self.change(move |settings| settings.ack_deadline = deadline)
    }

    /// The bytes of bodies that may wait to be recorded; a further body is answered 503. Default: 32 MiB, at most 256
    /// MiB. At least one body is always let in.
    ///
    /// Bodies over 16 KiB that are still arriving may hold a quarter as much. If that room is full, a further one waits
    /// for at most half of [`body_deadline`](Self::body_deadline), and is then answered 503. Smaller bodies never wait
    /// for this room.
    pub fn queue_limit(self, limit: ByteUnit) -> Self {
        self.change(move |settings| settings.queue_limit = limit)
    }

    /// The number of attempts of each handler that run at once in this process. Default: 4, at most 1,000. The pool
    /// needs as many connections for each handler, and the launch warns if it has fewer.
    pub fn handler_concurrency(self, attempts: usize) -> Self {
        self.change(move |settings| settings.handler_concurrency = attempts)
    }

    /// The time limit of an attempt. After it, the attempt counts as failed and its transaction is rolled back.
    /// Default: 5 min, at most a day.
    ///
    /// A handler that blocks its thread cannot be stopped: it keeps its slot and its lease until it yields. A warning
    /// names the handler, and its answer then comes too late.
    pub fn handler_timeout(self, timeout: Duration) -> Self {
        self.change(move |settings| settings.handler_timeout = timeout)
    }

    /// The time for which a claim is valid without renewal. The heartbeat renews it every second, or three times in
    /// this span if that is more often. So the work of a dead process waits this long for another process. Default: 15
    /// s, at most 1 h.
    pub fn lease(self, lease: Duration) -> Self {
        self.change(move |settings| settings.lease = lease)
    }

    /// The interval at which the database is polled for work when no notification arrives. Polling also finds work that
    /// is due for another attempt, and work that other processes recorded. Work that this process records starts at
    /// once. Default: 1 s, at most 1 h.
    pub fn poll_interval(self, interval: Duration) -> Self {
        self.change(move |settings| settings.poll_interval = interval)
    }

    /// The number of attempts after which a delivery is discarded. Default: 20, at most 1,000. Twenty attempts take 33
    /// hours on average and 44 at most. The first pause is 30 s, and pauses double up to 4 h. Each is shortened at
    /// random, to no less than half. Recorded work keeps the number that was in force at its recording.
    pub fn max_attempts(self, attempts: u16) -> Self {
        self.change(move |settings| settings.max_attempts = attempts)
    }

    /// The number of days after which a delivery's row is pruned, unless it is the current state of a result. Default:
    /// 400, at most 36,500. The days are counted by two readings of the clock that lie a day apart, so pruning comes up
    /// to 30 hours later.
    pub fn retention_days(self, days: u32) -> Self {
        self.change(move |settings| settings.retention_days = days)
    }

    /// The number of days after which a delivery's body is pruned, also by two readings. Default: 90, at most 36,500.
    pub fn body_retention_days(self, days: u32) -> Self {
        self.change(move |settings| settings.body_retention_days = days)
    }

    /// The number of hours without a new delivery after which the log warns, for each endpoint. A repeat is not a new
    /// delivery. Default: never; at most 8,760, a year.
    pub fn silence_alert(self, hours: u32) -> Self {
        self.change(move |settings| settings.silence_alert = Some(hours))
    }

    /// Whether migrations run at launch. If not, the launch only checks that they have run. Default: yes.
    pub fn migrate(self, migrate: bool) -> Self {
        self.change(move |settings| settings.migrate = migrate)
    }

    /// Whether a database that forgets its data is accepted: for tests alone. Default: no.
    pub fn allow_ephemeral(self, allow: bool) -> Self {
        self.change(move |settings| settings.allow_ephemeral = allow)
    }

    /// Whether the loss of the database's server must lose nothing. If so, [`Inbox::check`](crate::Inbox::check) says
    /// `broken` where no commit waits for a synchronous standby, and `doctor` exits with 2. A launch does not look at
    /// it. Default: no.
    pub fn require_standby(self, require: bool) -> Self {
        self.change(move |settings| settings.require_standby = require)
    }

    /// Leaves the work of a handler waiting in this process, until a launch without this setting. The work is recorded
    /// all the same. [`Inbox::pause_handler`](crate::Inbox::pause_handler) pauses without a launch, in every process.
    pub fn pause_handler(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.change(move |settings| {
            settings.paused_handlers.insert(name.clone());
        })
    }

    /// Adds an endpoint, or replaces the endpoint of that name. The endpoint `default` has the empty path.
    pub fn endpoint(self, name: impl Into<String>, endpoint: EndpointConfig) -> Self {
        let name = name.into();
        self.change(move |settings| {
            settings.endpoints.insert(name.clone(), endpoint.clone());
        })
    }

    /// Adds a secret or key to an endpoint, and the endpoint itself if it is missing.
    pub fn secret(self, endpoint: impl Into<String>, secret: SecretConfig) -> Self {
        let endpoint = endpoint.into();
        self.change(move |settings| {
            let entry = settings.endpoints.entry(endpoint.clone()).or_default();
            *entry = std::mem::take(entry).secret(secret.clone());
        })
    }

    /// Whether an endpoint has a secret or key already.
    pub fn has_secret(&self, endpoint: &str) -> bool {
        self.endpoints.get(endpoint).is_some_and(EndpointConfig::has_secret)
    }

    fn change(mut self, change: impl Fn(&mut Self) + Send + Sync + 'static) -> Self {
        change(&mut self);
        self.origin.keep(change);
        self
    }

    /// The settings in a Rocket of this configuration.
    pub(crate) fn within(&self, figment: &Figment) -> Result<Self, Error> {
        if !self.origin.is_environment() {
            return Ok(self.clone());
        }
        let mut settings = Self::from_figment(figment)?;
        self.origin.change(&mut settings);
        Ok(settings)
    }

    /// Checks every setting.
    pub(crate) fn resolve(&self) -> Result<LiveEndpoints, Error> {
        variables::check()?;
        self.check_mount()?;
        self.check_numbers()?;
        LiveEndpoints::resolve(&self.endpoints, &self.mount)
    }

    /// The settings that an inbox needs.
    pub(crate) fn inbox_settings(&self) -> InboxSettings {
        InboxSettings { retention: self.retention(), requires_standby: self.require_standby }
    }

    /// The retention of rows and bodies.
    pub(crate) fn retention(&self) -> Retention {
        let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        Retention { deliveries: days(self.retention_days), bodies: days(self.body_retention_days) }
    }

    /// The longest silence of an endpoint before the log warns.
    pub(crate) fn longest_silence(&self) -> Option<Duration> {
        self.silence_alert.map(|hours| Duration::from_secs(u64::from(hours) * 60 * 60))
    }

    /// Each endpoint, and whether it is paused from the start.
    pub(crate) fn paused_endpoints(&self) -> impl Iterator<Item = (String, bool)> {
        self.endpoints.iter().map(|(name, endpoint)| (name.clone(), endpoint.is_paused()))
    }

    /// Each of these handlers, and whether it is paused from the start.
    ///
    /// # Errors
    ///
    /// When the settings name another handler.
    pub(crate) fn paused_handlers(&self, handlers: &[String]) -> Result<Vec<(String, bool)>, Error> {
        if let Some(unknown) = self.paused_handlers.iter().find(|name| !handlers.contains(name)) {
            let known = match handlers {
                [] => "no handler is attached".to_owned(),
                known => format!("there is `{}`", known.join("`, `")),
            };
            return Err(Error::config(format!(
                "`mojito.paused_handlers` names `{unknown}`, and {known}: correct or remove it"
            )));
        }
        Ok(handlers.iter().map(|name| (name.clone(), self.paused_handlers.contains(name))).collect())
    }

    fn check_mount(&self) -> Result<(), Error> {
        if is_plain_path(&self.mount) {
            return Ok(());
        }
        Err(Error::config(format!(
            "`mojito.mount` is `{}`: it must be a plain path such as `/webhooks/jobmojito`",
            self.mount
        )))
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let numbers = [
            ("body_limit", Number::Bytes(self.body_limit)),
            ("body_deadline", Number::Time(self.body_deadline)),
            ("ack_deadline", Number::Time(self.ack_deadline)),
            ("queue_limit", Number::Bytes(self.queue_limit)),
            ("handler_concurrency", Number::Whole(self.handler_concurrency as u64)),
            ("handler_timeout", Number::Time(self.handler_timeout)),
            ("lease", Number::Time(self.lease)),
            ("poll_interval", Number::Time(self.poll_interval)),
            ("max_attempts", Number::Whole(self.max_attempts.into())),
            ("retention_days", Number::Whole(self.retention_days.into())),
            ("body_retention_days", Number::Whole(self.body_retention_days.into())),
        ];
        let silence_alert = self.silence_alert.map(|hours| ("silence_alert", Number::Whole(hours.into())));
        numbers.iter().chain(&silence_alert).try_for_each(|(setting, number)| bounds::check("mojito", setting, number))
    }
}

/// Whether Rocket can mount at this path and requests can reach it: no client sends a `.` or `..` segment as it is.
fn is_plain_path(path: &str) -> bool {
    // Source: RFC 3986, section 3.3, `pchar` without percent-encoding.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
    let is_segment =
        |segment: &str| !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(is_plain);
    path == "/" || path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment))
}

/// Whether settings of the plugin stand in a profile named `mojito` that is not the selected profile.
fn is_taken_for_a_profile(figment: &Figment) -> bool {
    let profile = Profile::new("mojito");
    let is_ours = |settings: &Dict| settings.keys().any(|name| is_setting(name));
    *figment.profile() != profile && figment.data().is_ok_and(|data| data.get(&profile).is_some_and(is_ours))
}

fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

/// The retention of rows and bodies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub deliveries: Duration,
    pub bodies: Duration,
}

/// The settings that an inbox needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InboxSettings {
    pub retention: Retention,
    /// Whether the loss of the server must lose nothing.
    pub requires_standby: bool,
}

#[cfg(test)]
mod tests {
    use rocket::figment::providers::{Format, Toml};

    use super::*;

    #[test]
    fn a_table_of_its_own_is_no_profile_that_nobody_reads() {
        let written = |text: &str| MojitoConfig::from_figment(&Figment::from(Toml::string(text).nested()));

        for text in ["[mojito]\nlease = 20", "[mojito.endpoints.default]\nsecrets = []"] {
            let sentence = written(text).unwrap_err().to_string();

            assert!(sentence.contains("write `[default.mojito]`"), "{sentence}");
        }
        assert!(written("[mojito]\nport = 80").is_ok(), "a profile of that name may be meant for another day");
        let chosen = Figment::from(Toml::string("[mojito]\nlease = 20").nested()).select("mojito");
        assert!(MojitoConfig::from_figment(&chosen).is_ok());
    }

    #[test]
    fn a_path_is_plain_where_requests_reach_it_as_it_is_written() {
        for path in ["/", "/webhooks", "/webhooks/job-mojito", "/a.b/..c/~", "/v1:@x"] {
            assert!(is_plain_path(path), "{path}");
        }
        for path in
            ["", "webhooks", "//", "/a/", "/a//b", "/.", "/a/..", "/a/./b", "/a b", "/a%20b", "/<id>", "/é", "/a?b"]
        {
            assert!(!is_plain_path(path), "{path}");
        }
    }

    #[test]
    fn days_and_hours_are_taken_for_what_they_are() {
        let config = MojitoConfig::new().retention_days(2).body_retention_days(1).silence_alert(3);
        let hours = |hours: u64| Duration::from_secs(hours * 3600);

        let Retention { deliveries, bodies } = config.retention();

        assert_eq!((deliveries, bodies), (hours(48), hours(24)));
        assert_eq!(config.longest_silence(), Some(hours(3)));
        assert_eq!(MojitoConfig::new().longest_silence(), None);
    }

    #[test]
    fn each_number_is_checked_by_the_name_of_its_setting() {
        let broken = [
            (MojitoConfig::new().body_limit(ByteUnit::from(0)), "body_limit"),
            (MojitoConfig::new().body_deadline(Duration::ZERO), "body_deadline"),
            (MojitoConfig::new().ack_deadline(Duration::ZERO), "ack_deadline"),
            (MojitoConfig::new().queue_limit(ByteUnit::from(0)), "queue_limit"),
            (MojitoConfig::new().handler_concurrency(0), "handler_concurrency"),
            (MojitoConfig::new().handler_timeout(Duration::ZERO), "handler_timeout"),
            (MojitoConfig::new().lease(Duration::ZERO), "lease"),
            (MojitoConfig::new().poll_interval(Duration::ZERO), "poll_interval"),
            (MojitoConfig::new().max_attempts(0), "max_attempts"),
            (MojitoConfig::new().retention_days(0), "retention_days"),
            (MojitoConfig::new().body_retention_days(0), "body_retention_days"),
            (MojitoConfig::new().silence_alert(0), "silence_alert"),
        ];

        assert!(MojitoConfig::new().check_numbers().is_ok());
        for (config, setting) in broken {
            let error = config.check_numbers().unwrap_err().to_string();
            assert!(error.contains(&format!("`mojito.{setting}` is 0")), "{error}");
        }
    }

    #[test]
    fn only_handlers_that_are_attached_can_be_paused_from_the_start() {
        let config = MojitoConfig::from_figment(&Figment::from(Toml::string(
            "[mojito]\npaused_handlers = ['B']\n[mojito.endpoints.default]\npaused = true\nsecrets = []",
        )))
        .unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let fault = |attached: &[&str]| config.paused_handlers(&names(attached)).unwrap_err().to_string();

        let paused = config.paused_handlers(&names(&["A", "B"])).unwrap();

        assert_eq!(paused, [("A".to_owned(), false), ("B".to_owned(), true)]);
        assert!(fault(&[]).contains("names `B`, and no handler is attached"));
        assert!(fault(&["A", "C"]).contains("names `B`, and there is `A`, `C`"));
        assert_eq!(config.paused_endpoints().collect::<Vec<_>>(), [("default".to_owned(), true)]);
    }

    #[test]
    fn a_configuration_that_cannot_be_read_is_not_taken_for_none() {
        let broken = Figment::from(Toml::string("[default.mojito\nmount = '/x'").nested());
        let silent = Figment::from(Toml::string("[default]\nport = 1").nested());

        assert!(MojitoConfig::from_figment(&broken).unwrap_err().is_config());
        assert_eq!(MojitoConfig::from_figment(&silent).unwrap().mount, "/webhooks/jobmojito");
    }
}
