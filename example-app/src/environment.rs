use std::env::{self, VarError};
use std::fmt;

use anyhow::bail;

/// The environment variables besides Rocket's own settings, without the ends of lines. `Debug` shows which are set, not
/// their values.
#[derive(Default)]
#[non_exhaustive]
pub struct Environment {
    /// `MOJITO_SECRET`: a secret of the default endpoint.
    pub mojito_secret: Option<String>,
    /// `DESK_PASSWORD`: the password of the pages.
    pub desk_password: Option<String>,
}

impl Environment {
    /// The environment of this process.
    ///
    /// # Errors
    ///
    /// When a value is not UTF-8.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self { mojito_secret: variable("MOJITO_SECRET")?, desk_password: variable("DESK_PASSWORD")? })
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("has_mojito_secret", &self.mojito_secret.is_some())
            .field("has_desk_password", &self.desk_password.is_some())
            .finish()
    }
}

fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match env::var(name) {
        // The tool that set the variable may have added the end of a line.
        Ok(value) => Ok(Some(value.trim_end_matches(['\r', '\n']).to_owned())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("`{name}` is not UTF-8: set it to plain text"),
    }
}
