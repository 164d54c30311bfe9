use rocket::http::{HeaderMap, MediaType};

use super::{Cause, Rejection};

/// Checks that the body is said to be plain JSON in UTF-8, or that nothing is said.
pub(super) fn check(headers: &HeaderMap<'_>) -> Result<(), Rejection> {
    let mut types = headers.get("Content-Type");
    let (first, second) = (types.next(), types.next());
    if second.is_some() {
        return Err(Rejection::new(Cause::MediaType));
    }
    if let Some(text) = first {
        check_type(text)?;
    }
    // No encoding is undone here, so none can hide a bomb.
    let is_plain = |encoding: &str| encoding.trim().eq_ignore_ascii_case("identity");
    if !headers.get("Content-Encoding").all(is_plain) {
        return Err(Rejection::new(Cause::Encoding));
    }
    Ok(())
}

fn check_type(text: &str) -> Result<(), Rejection> {
    let media_type: MediaType = text.parse().map_err(|_| Rejection::new(Cause::MediaType))?;
    let is_text_json = media_type.top() == "text" && media_type.sub() == "json";
    let is_application_json = media_type.top() == "application" && media_type.sub() == "json";
    let has_suffix = media_type.sub().as_str().to_ascii_lowercase().ends_with("+json");
    if !is_text_json && !is_application_json && !has_suffix {
        return Err(Rejection::new(Cause::MediaType));
    }
    let mut charsets = media_type.params().filter(|(name, _)| *name == "charset").map(|(_, value)| value);
    if charsets.any(|charset| !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("utf8")) {
        return Err(Rejection::new(Cause::Charset));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    fn check_all(headers: &[(&'static str, &'static str)]) -> Option<Cause> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.add(Header::new(*name, *value));
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
            "application/json; charset=\"utf-8\"",
            "application/cloudevents+json",
        ];
        let refused = ["text/plain", "application/jsonx", "json", "", "application/x-www-form-urlencoded", "a/b/c"];

        assert_eq!(check_all(&[]), None);
        for media_type in taken {
            assert_eq!(check_all(&[("Content-Type", media_type)]), None, "{media_type}");
        }
        for media_type in refused {
            assert_eq!(check_all(&[("Content-Type", media_type)]), Some(Cause::MediaType), "{media_type}");
        }
        assert_eq!(check_all(&[("Content-Type", "application/json; charset=latin1")]), Some(Cause::Charset));
    }

    #[test]
    fn two_types_and_any_encoding_are_refused() {
        let json = ("Content-Type", "application/json");

        assert_eq!(check_all(&[json, json]), Some(Cause::MediaType));
        assert_eq!(check_all(&[json, ("Content-Encoding", "identity")]), None);
        assert_eq!(check_all(&[json, ("Content-Encoding", "gzip")]), Some(Cause::Encoding));
    }
}
