use rocket::http::HeaderMap;

use super::{Cause, Rejection};
use crate::config::is_token;

/// Checks that the headers declare plain JSON in UTF-8, or nothing.
pub(super) fn check(headers: &HeaderMap<'_>) -> Result<(), Rejection> {
    let mut types = headers.get("Content-Type");
    let (first, second) = (types.next(), types.next());
    if second.is_some() {
        return Err(Rejection::new(Cause::MediaType));
    }
    if let Some(text) = first {
        check_type(text)?;
    }
    // The plugin decodes no content encoding, so no body can expand like a zip bomb. Empty list elements are ignored
    // (RFC 9110, 5.6.1).
    let mut encodings = headers.get("Content-Encoding").flat_map(|list| list.split(',')).map(trim);
    if !encodings.all(|encoding| encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")) {
        return Err(Rejection::new(Cause::Encoding));
    }
    Ok(())
}

fn check_type(text: &str) -> Result<(), Rejection> {
    let (full, parameters) = text.split_once(';').unwrap_or((text, ""));
    let (top, sub) = trim(full).split_once('/').ok_or(Rejection::new(Cause::MediaType))?;
    if !is_token(top) || !is_token(sub) || !is_json(&top.to_ascii_lowercase(), &sub.to_ascii_lowercase()) {
        return Err(Rejection::new(Cause::MediaType));
    }
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, behind) = take_parameter(rest).ok_or(Rejection::new(Cause::MediaType))?;
        rest = behind;
        let is_foreign = |charset: &str| !["utf-8", "utf8"].iter().any(|utf_8| charset.eq_ignore_ascii_case(utf_8));
        if parameter.is_some_and(|(name, value)| name.eq_ignore_ascii_case("charset") && is_foreign(&value)) {
            return Err(Rejection::new(Cause::Charset));
        }
    }
    Ok(())
}

/// Takes names in lower case.
fn is_json(top: &str, sub: &str) -> bool {
    matches!((top, sub), ("application" | "text", "json")) || sub.ends_with("+json")
}

/// A name and its value, with quotes resolved.
type Parameter<'t> = (&'t str, String);

/// The parameter before the next `;`, if there is one, and the text behind that `;`. `None` if the syntax is wrong. By
/// RFC 9110, 5.6.6, blanks around a `;` and nothing between two of them are valid. Blanks around a `=` are not.
fn take_parameter(text: &str) -> Option<(Option<Parameter<'_>>, &str)> {
    let text = text.trim_start_matches(BLANKS);
    let (parameter, rest) = match text.find([';', '=']) {
        Some(at) if text[at..].starts_with('=') => {
            let (name, value) = (&text[..at], &text[at + 1..]);
            let (value, rest) = match value.strip_prefix('"') {
                Some(quoted) => take_quoted(quoted)?,
                None => {
                    let end = value.find(|letter| letter == ';' || BLANKS.contains(&letter)).unwrap_or(value.len());
                    (Some(&value[..end]).filter(|value| is_token(value))?.to_owned(), &value[end..])
                }
            };
            (Some((Some(name).filter(|name| is_token(name))?, value)), rest)
        }
        _ => (None, text),
    };
    let rest = rest.trim_start_matches(BLANKS);
    if rest.is_empty() {
        return Some((parameter, rest));
    }
    rest.strip_prefix(';').map(|rest| (parameter, rest))
}

/// The text before the closing quote, with escapes resolved, and the text behind it (RFC 9110, 5.6.4).
fn take_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    loop {
        match letters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(letters.next()?.1),
            (_, letter) => value.push(letter),
        }
    }
}

/// Optional white space (RFC 9110, 5.6.3).
const BLANKS: [char; 2] = [' ', '\t'];

fn trim(text: &str) -> &str {
    text.trim_matches(BLANKS)
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    fn check_all(headers: &[(&'static str, &str)]) -> Option<Cause> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.add(Header::new(*name, (*value).to_owned()));
        }
        let causes = [Cause::MediaType, Cause::Charset, Cause::Encoding];
        let rejection = check(&map).err()?;
        causes.into_iter().find(|cause| rejection == Rejection::new(*cause))
    }

    #[test]
    fn json_in_utf_8_is_taken_and_nothing_else() {
        let taken = [
            "application/json",
            "text/json",
            "Application/JSON; charset=UTF-8",
            r#"application/json; charset="utf-8""#,
            r#"application/json; charset="\u\tf-\8""#,
            "application/cloudevents+json",
            "application/json;",
            "application/json ;",
            "application/json ; charset=utf-8",
            "application/json; charset=utf-8;",
            "application/json;charset=utf-8 ; ;; \t",
            "\tapplication/json\t;\tcharset=utf-8\t",
            r#"application/json; profile="a;b, \"c\" = é"; charset=utf-8"#,
            r#"application/json; profile="""#,
            "application/json; charset=utf-8; Charset=\"UTF8\"",
        ];
        let refused = [
            "text/plain",
            "application/jsonx",
            "json",
            "",
            ";",
            "; charset=utf-8",
            "application/x-www-form-urlencoded",
            "a/b/c",
            "application /json",
            "/x+json",
            "a b/x+json",
            "a/(+json",
            "application/json charset=utf-8",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset =utf-8",
            "application/json; charset= utf-8",
            "application/json; =utf-8",
            "application/json; charset=utf-8 utf-8",
            r#"application/json; charset="utf-8"#,
            r#"application/json; charset="utf-8\"#,
            r#"application/json; charset="utf-8"x"#,
            "application/json, application/json",
            "application/json;, text/plain",
        ];
        let foreign = [
            "charset=latin1",
            r#"charset="""#,
            r#"charset="utf-16""#,
            r#"charset=" utf-8""#,
            "charset='utf-8'",
            "charset=utf-8; charset=utf-16",
            r#"profile="a; charset=utf-8"; charset=utf-7"#,
        ];

        assert_eq!(check_all(&[]), None);
        for media_type in taken {
            assert_eq!(check_all(&[("Content-Type", media_type)]), None, "{media_type}");
        }
        for media_type in refused {
            assert_eq!(check_all(&[("Content-Type", media_type)]), Some(Cause::MediaType), "{media_type}");
        }
        for charset in foreign {
            let media_type = format!("application/json; {charset}");
            assert_eq!(check_all(&[("Content-Type", &media_type)]), Some(Cause::Charset), "{charset}");
        }
    }

    #[test]
    fn two_types_and_any_encoding_are_refused() {
        let json = ("Content-Type", "application/json");

        assert_eq!(check_all(&[json, json]), Some(Cause::MediaType));
        for none in ["identity", "", ",", " ,\t, ", "identity, identity", "Identity,", ", identity ,"] {
            assert_eq!(check_all(&[json, ("Content-Encoding", none)]), None, "{none}");
        }
        for encoding in
            ["gzip", "identity, gzip", "gzip, identity", ", br", "identity;q=1", "identity identity", "\"\""]
        {
            assert_eq!(check_all(&[json, ("Content-Encoding", encoding)]), Some(Cause::Encoding), "{encoding}");
        }
        let twice = [json, ("Content-Encoding", ""), ("Content-Encoding", "identity")];
        assert_eq!(check_all(&twice), None);
    }
}
