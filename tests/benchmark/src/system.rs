use std::fmt;

/// Where deliveries are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// What is measured. Its name is the argument of the program `mojito-bench-system`; but the example is a program itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum System {
    Plugin,
    PluginHandling,
    Example,
    HandWritten,
    ParseOnly,
}

impl Backend {
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// As it is written in a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl System {
    pub const ALL: [Self; 5] = [Self::Plugin, Self::PluginHandling, Self::Example, Self::HandWritten, Self::ParseOnly];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::PluginHandling => "plugin-handling",
            Self::Example => "example",
            Self::HandWritten => "hand-written",
            Self::ParseOnly => "parse-only",
        }
    }

    /// The tables of its deliveries and results. None where it stores nothing.
    pub fn tables(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Plugin | Self::PluginHandling | Self::Example => Some(("mojito_deliveries", "mojito_results")),
            Self::HandWritten => Some(("deliveries", "results")),
            Self::ParseOnly => None,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
