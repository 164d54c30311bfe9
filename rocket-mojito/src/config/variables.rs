use std::ffi::{OsStr, OsString};

use super::Bound;
use super::figment_error::is_setting;
use crate::Error;

/// The variables that hold Rocket's configuration and may hold settings of the plugin.
const PREFIXES: [&str; 2] = ["ROCKET_MOJITO", "ROCKET_DATABASES"];

/// The prefix of variables that look like single settings. Rocket reads no such variable.
const MISTAKEN_PREFIX: &str = "ROCKET_MOJITO_";

/// Makes sure that no environment variable was meant for the plugin and is not read. Rocket ignores unknown variables,
/// and values that are not UTF-8.
pub(super) fn check() -> Result<(), Error> {
    check_all(std::env::vars_os())
}

fn check_all(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), Error> {
    // Sorted, so that the error does not depend on the order of the environment.
    let mut variables: Vec<_> = variables.map(|(name, value)| (name.to_string_lossy().into_owned(), value)).collect();
    variables.sort();
    for (name, value) in &variables {
        // Rocket ignores the case of names.
        let upper = name.to_ascii_uppercase();
        if let Some(rest) = upper.strip_prefix(MISTAKEN_PREFIX) {
            return Err(Error::config(format!(
                "the environment variable `{name}` is not read: all settings of the plugin stand in one variable; \
                 remove this one, and write {}",
                instead(&rest.to_ascii_lowercase(), value)
            )));
        }
        if PREFIXES.contains(&upper.as_str()) && value.to_str().is_none() {
            return Err(Error::config(format!(
                "the environment variable `{name}` is not UTF-8, so nothing of it is read: write its special \
                 characters anew, as UTF-8"
            )));
        }
    }
    Ok(())
}

/// The replacement for a variable. Its value is quoted only if it cannot be a secret.
fn instead(setting: &str, value: &OsStr) -> String {
    let is_plain = |value: &&str| value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
    let value = value.to_str().filter(|_| Bound::find(setting).is_some()).filter(is_plain).unwrap_or("…");
    if is_setting(setting) {
        format!("`ROCKET_MOJITO='{{{setting}={value}}}'`")
    } else {
        "`ROCKET_MOJITO='{body_limit=\"1 MiB\"}'` with the settings that are meant".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str, value: &OsStr) -> Result<(), String> {
        let variables = [("PATH", OsStr::new("/bin")), (name, value)];
        let variables = variables.map(|(name, value)| (OsString::from(name), value.to_owned()));
        check_all(variables.into_iter()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_that_looks_like_one_setting_is_a_mistake() {
        let cases = [
            ("ROCKET_MOJITO_BODY_LIMIT", "5", "`ROCKET_MOJITO='{body_limit=5}'`"),
            ("rocket_mojito_Body_Limit", "1 MiB", "`ROCKET_MOJITO='{body_limit=…}'`"),
            ("ROCKET_MOJITO_MOUNT", "/x", "`ROCKET_MOJITO='{mount=…}'`"),
            ("ROCKET_MOJITO_ENDPOINTS", "{}", "`ROCKET_MOJITO='{endpoints=…}'`"),
            ("ROCKET_MOJITO__LEASE", "5", "`ROCKET_MOJITO='{body_limit=\"1 MiB\"}'`"),
            ("ROCKET_MOJITO_", "", "`ROCKET_MOJITO='{body_limit=\"1 MiB\"}'`"),
            ("ROCKET_MOJITO_MAX_CONNECTIONS", "5", "`ROCKET_MOJITO='{body_limit=\"1 MiB\"}'`"),
        ];

        for (name, value, remedy) in cases {
            let sentence = checked(name, OsStr::new(value)).unwrap_err();

            assert!(sentence.contains(&format!("`{name}`")) && sentence.contains(remedy), "{sentence}");
        }
    }

    #[test]
    fn no_value_that_may_be_a_secret_is_repeated() {
        for name in ["ROCKET_MOJITO_SECRET", "ROCKET_MOJITO_ENDPOINTS", "ROCKET_MOJITO_BODY_LIMIT"] {
            let sentence = checked(name, OsStr::new("canary-0123456789")).unwrap_err();

            assert!(!sentence.contains("canary"), "{sentence}");
        }
    }

    #[test]
    fn variables_of_others_are_theirs() {
        for name in ["ROCKET_MOJITO", "ROCKET_MOJITOS", "MOJITO_SECRET", "ROCKET_PORT", "XROCKET_MOJITO_LEASE"] {
            assert_eq!(checked(name, OsStr::new("5")), Ok(()), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf_8_is_not_taken_for_none() {
        use std::os::unix::ffi::OsStrExt as _;

        for name in ["ROCKET_MOJITO", "rocket_databases"] {
            let sentence = checked(name, OsStr::from_bytes(b"{mount=\"/canary\xff\"}")).unwrap_err();

            assert!(sentence.contains(&format!("`{name}` is not UTF-8")) && !sentence.contains("canary"), "{sentence}");
        }
        assert_eq!(checked("PRINTER", OsStr::from_bytes(b"\xff")), Ok(()));
    }
}
