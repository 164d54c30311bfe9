use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Request, Response, async_trait};

/// A page loads everything from the desk, sends nothing elsewhere, and stands in no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                                       img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Adds the headers that protect candidates to every answer.
pub(crate) struct Headers;

#[async_trait]
impl Fairing for Headers {
    fn info(&self) -> Info {
        Info { name: "Headers of the hiring desk", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        response.set_header(Header::new("Content-Security-Policy", CONTENT_SECURITY_POLICY));
        response.set_header(Header::new("X-Content-Type-Options", "nosniff"));
        // Only the page with forms sets another policy.
        if !response.headers().contains("Referrer-Policy") {
            response.set_header(Header::new("Referrer-Policy", "no-referrer"));
        }
        // Only the assets set another value.
        if !response.headers().contains("Cache-Control") {
            response.set_header(Header::new("Cache-Control", "no-store"));
        }
    }
}
