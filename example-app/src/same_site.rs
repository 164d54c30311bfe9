use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};

/// A request that no page of another site has made. Every route that changes something takes this guard after its
/// visitor.
///
/// A browser sends the password with every request to the desk, whichever page makes it. It tells the site of a form in
/// `Sec-Fetch-Site` or, over plain HTTP, in `Origin`. A request with neither header is no browser's form.
///
/// | status | cause |
/// | --- | --- |
/// | `403` | the form stands on another site, or the browser does not tell |
pub(crate) struct SameSite(());

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SameSite {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let headers = request.headers();
        if is_from_here(headers.get_one("Sec-Fetch-Site"), headers.get_one("Origin"), headers.get_one("Host")) {
            Outcome::Success(Self(()))
        } else {
            Outcome::Error((Status::Forbidden, ()))
        }
    }
}

fn is_from_here(site: Option<&str>, origin: Option<&str>, host: Option<&str>) -> bool {
    if let Some(site) = site {
        return site == "same-origin";
    }
    let Some(origin) = origin else { return true };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_desks_own_forms_are_from_here() {
        let here = Some("desk.example.com:8000");

        assert!(is_from_here(Some("same-origin"), Some("null"), here));
        assert!(is_from_here(None, Some("http://desk.example.com:8000"), here));
        assert!(is_from_here(None, None, here));
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!is_from_here(Some(site), Some("http://desk.example.com:8000"), here), "{site}");
        }
        for origin in
            ["null", "", "http://evil.example", "http://desk.example.com", "http://desk.example.com:8000.evil"]
        {
            assert!(!is_from_here(None, Some(origin), here), "{origin}");
        }
        assert!(!is_from_here(None, Some("http://desk.example.com"), None));
    }
}
