use rocket::figment::Error;
use rocket::figment::error::{Actual, Kind};

/// Says which setting below `root` cannot be read, and why, without its value: a secret that stands in the wrong
/// place, or a whole configuration that lacks a bracket, must not get into a log.
pub(crate) fn describe(root: &str, error: &Error) -> String {
    // Figment puts the root behind the path that leads on from it.
    let path = error.path.strip_suffix(root.split('.').map(str::to_owned).collect::<Vec<_>>().as_slice());
    let mut setting = root.to_owned();
    for part in path.unwrap_or(&error.path) {
        setting.push('.');
        setting.push_str(part);
    }
    let origin = error.metadata.as_ref().map_or_else(String::new, |metadata| match &metadata.source {
        Some(source) => format!(" (in {}, {source})", metadata.name),
        None => format!(" (in {})", metadata.name),
    });
    format!("`{setting}`{origin}: {}", problem(&error.kind))
}

fn problem(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(actual, expected) => format!("{} where {expected} belongs", of_type(actual)),
        Kind::InvalidValue(_, expected) => format!("the value is not {expected}"),
        Kind::InvalidLength(length, expected) => format!("{length} elements where {expected} belongs"),
        Kind::UnknownField(_, known) => format!("there is no such setting, but `{}`", known.join("`, `")),
        Kind::UnknownVariant(_, known) => format!("the value is not one of `{}`", known.join("`, `")),
        Kind::MissingField(field) => format!("`{field}` is missing"),
        Kind::DuplicateField(field) => format!("`{field}` stands twice"),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "the number is out of range".to_owned(),
        Kind::Message(_) | Kind::Unsupported(_) | Kind::UnsupportedKey(..) => "the value cannot be read".to_owned(),
    }
}

fn of_type(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "an integer",
        Actual::Float(_) => "a number with a fraction",
        Actual::Char(_) | Actual::Str(_) => "a text",
        Actual::Seq => "a list",
        Actual::Map => "a table",
        _ => "a value of another type",
    }
}
