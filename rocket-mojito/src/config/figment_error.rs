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
