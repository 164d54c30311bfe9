use rocket::figment::Error;
use rocket::figment::error::{Actual, Kind};

use super::Bound;

/// Describes the unreadable setting below `root`, and the remedy, without the value. A secret in the wrong place, or a
/// whole configuration that lacks a bracket, must not get into a log.
pub(crate) fn describe(root: &str, error: &Error) -> String {
    // Figment appends the root to the path below it.
    let path = error.path.strip_suffix(root.split('.').map(str::to_owned).collect::<Vec<_>>().as_slice());
    let path: Vec<&str> = path.unwrap_or(&error.path).iter().map(String::as_str).collect();
    let mut setting = root.to_owned();
    for part in &path {
        setting.push('.');
        setting.push_str(part);
    }
    let origin = error.metadata.as_ref().map_or_else(String::new, |metadata| match &metadata.source {
        Some(source) => format!(" (in {}, {source})", metadata.name),
        None => format!(" (in {})", metadata.name),
    });
    format!("`{setting}`{origin}: {}", problem(&error.kind, &path))
}

fn problem(kind: &Kind, path: &[&str]) -> String {
    match kind {
        Kind::InvalidType(actual, _) => format!("{}: write {}", of_type(actual), belongs(path)),
        Kind::InvalidValue(..) | Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => {
            format!("a value that is out of range: write {}", belongs(path))
        }
        Kind::InvalidLength(length, _) => format!("{length} elements: write {}", belongs(path)),
        Kind::UnknownField(_, known) => format!("there is no such setting, but `{}`", known.join("`, `")),
        Kind::UnknownVariant(_, known) => format!("an unknown word: write one of `{}`", known.join("`, `")),
        Kind::MissingField(field) => format!("`{field}` is missing: add it"),
        Kind::DuplicateField(field) => format!("`{field}` stands twice: remove one"),
        Kind::Message(text) => match position(text) {
            Some(position) => format!("the file cannot be read as TOML, {position}: correct it there"),
            None => format!("a value that cannot be read: write {}", belongs(path)),
        },
        Kind::Unsupported(_) | Kind::UnsupportedKey(..) => {
            format!("a value that cannot be read: write {}", belongs(path))
        }
    }
}

/// The remedy for the setting at this path below the root, in the words of the configuration's author.
fn belongs(path: &[&str]) -> String {
    if let [setting] = path
        && let Some(bound) = Bound::find(setting)
    {
        return bound.to_string();
    }
    let text = match path {
        [] => "a table of settings, such as `{body_limit=\"1 MiB\"}`, with every bracket and quote closed",
        ["mount"] => "a path in quotes, such as `\"/webhooks/jobmojito\"`",
        ["migrate" | "allow_ephemeral"] | ["endpoints", _, "paused"] => "`true` or `false`",
        ["paused_handlers", ..] => "a list of names of handlers, such as `[\"HiringDesk\"]`",
        ["endpoints"] => "a table with one table for each endpoint, such as `{default={secrets=[…]}}`",
        ["endpoints", _] => "a table, such as `{secrets=[…]}`",
        ["endpoints", _, "secrets"] | ["endpoints", _, "secrets", _] => {
            "a list of tables, such as `[{id=\"2026-11\", header=\"X-Mojito-Secret\", env=\"MOJITO_SECRET\"}]`"
        }
        ["url"] => "the path of the SQLite file or the URL of the Postgres database, in quotes",
        _ => "a text in quotes",
    };
    text.to_owned()
}

/// Whether `mojito` has a setting of this name at its top level.
pub(super) fn is_setting(name: &str) -> bool {
    let is_of_pool = matches!(name, "max_connections" | "connect_timeout");
    let is_number = Bound::find(name).is_some() && !is_of_pool;
    is_number || matches!(name, "mount" | "migrate" | "allow_ephemeral" | "paused_handlers" | "endpoints")
}

/// The position at which the parser stopped. The rest of its message quotes the line, which may hold a secret.
fn position(message: &str) -> Option<String> {
    let (_, rest) = message.lines().next()?.split_once("parse error at line ")?;
    let (line, column) = rest.split_once(", column ")?;
    let (line, column): (u32, u32) = (line.parse().ok()?, column.trim().parse().ok()?);
    Some(format!("line {line}, column {column}"))
}

fn of_type(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "a whole number",
        Actual::Float(_) => "a number with a fraction",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "a value of another type",
    }
}

#[cfg(test)]
mod tests {
    use rocket::figment::Figment;
    use rocket::figment::providers::{Format, Toml};

    use crate::MojitoConfig;

    /// The setting that cannot be read, and its fault with the remedy.
    fn told(settings: &str) -> (String, String) {
        let figment = Figment::from(Toml::string(settings));
        let text = MojitoConfig::from_figment(&figment).unwrap_err().to_string();
        let (setting, rest) = text.split_once('`').unwrap().1.split_once('`').unwrap();
        let (_, remedy) = rest.split_once(": ").unwrap();
        (setting.to_owned(), remedy.to_owned())
    }

    #[test]
    fn each_type_is_named_with_the_one_that_would_do() {
        let seconds = "write whole seconds from 1 to 3600, such as `10`";
        let types = [
            ("true", "a boolean"),
            ("'x'", "a text"),
            ("1.5", "a number with a fraction"),
            ("[]", "a list"),
            ("{}", "a table"),
        ];

        for (value, named) in types {
            let expected = ("mojito.lease".to_owned(), format!("{named}: {seconds}"));
            assert_eq!(told(&format!("mojito.lease = {value}")), expected);
        }
        let (setting, remedy) = told("mojito.mount = 5");
        assert_eq!(
            (&*setting, &*remedy),
            ("mojito.mount", "a whole number: write a path in quotes, such as `\"/webhooks/jobmojito\"`")
        );
    }

    #[test]
    fn each_setting_has_its_remedy() {
        let cases = [
            ("mojito = 5", "mojito", "write a table of settings, such as `{body_limit=\"1 MiB\"}`"),
            ("mojito.lease = -1", "mojito.lease", "write whole seconds from 1 to 3600"),
            ("mojito.migrate = 5", "mojito.migrate", "write `true` or `false`"),
            ("mojito.allow_ephemeral = 5", "mojito.allow_ephemeral", "write `true` or `false`"),
            ("mojito.paused_handlers = 'A'", "mojito.paused_handlers", "write a list of names of handlers"),
            ("mojito.endpoints = 5", "mojito.endpoints", "write a table with one table for each endpoint"),
            ("mojito.endpoints.a = 5", "mojito.endpoints.a", "write a table, such as `{secrets=[…]}`"),
            ("mojito.endpoints.a.paused = 5", "mojito.endpoints.a.paused", "write `true` or `false`"),
            ("mojito.endpoints.a.secrets = 5", "mojito.endpoints.a.secrets", "write a list of tables"),
            ("mojito.endpoints.a.secrets = [5]", "mojito.endpoints.a.secrets.0", "write a list of tables"),
            ("mojito.endpoints.a.secrets = [{id = 5}]", "mojito.endpoints.a.secrets.0.id", "write a text in quotes"),
            ("mojito.endpoints.a.secrets = [{}]", "mojito.endpoints.a.secrets.0", "`id` is missing: add it"),
            ("mojito.leese = 5", "mojito.leese", "there is no such setting, but `"),
            (
                "mojito.endpoints.a.secrets = [{id = 'a', encoding = 'x'}]",
                "mojito.endpoints.a.secrets.0.encoding",
                "an unknown word: write one of `hex`, `base64`",
            ),
        ];

        for (settings, name, remedy) in cases {
            let (setting, told) = told(settings);
            assert!(setting == name && told.contains(remedy), "{settings}: `{setting}`: {told}");
        }
    }

    #[test]
    fn of_a_file_that_is_no_toml_the_position_is_told_and_not_the_line() {
        let figment = Figment::from(Toml::string("[mojito]\nlease = 'canary\n"));

        let text = MojitoConfig::from_figment(&figment).unwrap_err().to_string();

        assert!(text.contains("cannot be read as TOML, line 2, column "), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
