use askama::Template;
use mojito_schema::fault;
use rocket::http::{Header, Status};
use rocket::response::content::RawHtml;
use rocket::response::{self, Responder};
use rocket::{Request, catch};

/// The reason why a page cannot be shown. Its log line holds nothing of the request.
pub(super) enum Failure {
    /// The database does not answer.
    Database(diesel::result::Error),
    /// The plugin's store does not answer. The plugin logs that itself.
    Store,
    /// The template of the page cannot be rendered.
    Rendering(askama::Error),
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

impl From<rocket_mojito::Error> for Failure {
    fn from(_: rocket_mojito::Error) -> Self {
        Self::Store
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Self::Rendering(error)
    }
}

impl<'r> Responder<'r, 'static> for Failure {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Database(error) => {
                tracing::error!(fault = fault(&error), "a page was not shown: the database failed");
                Err(Status::ServiceUnavailable)
            }
            Self::Store => Err(Status::ServiceUnavailable),
            Self::Rendering(error) => {
                tracing::error!(%error, "a page was not shown: it cannot be written");
                Err(Status::InternalServerError)
            }
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    title: &'static str,
    text: &'static str,
}

impl ErrorPage {
    fn html(title: &'static str, text: &'static str) -> RawHtml<String> {
        RawHtml(Self { title, text }.render().unwrap_or_else(|_| title.to_owned()))
    }
}

/// Asks the browser for user and password.
#[derive(Responder)]
pub(super) struct Challenge {
    page: RawHtml<String>,
    challenge: Header<'static>,
}

#[catch(401)]
pub(super) fn unauthorized() -> Challenge {
    let text = "The user is “desk”, the password is the one that this desk was started with.";
    Challenge {
        page: ErrorPage::html("Sign in", text),
        challenge: Header::new("WWW-Authenticate", "Basic realm=\"Hiring desk\", charset=\"UTF-8\""),
    }
}

#[catch(403)]
pub(super) fn forbidden() -> RawHtml<String> {
    ErrorPage::html(
        "Not from elsewhere",
        "Only the desk’s own pages change something here: open the desk, and try again.",
    )
}

#[catch(404)]
pub(super) fn not_found() -> RawHtml<String> {
    ErrorPage::html("Not found", "There is nothing here. A candidate may have been removed.")
}

#[catch(421)]
pub(super) fn misdirected() -> RawHtml<String> {
    let text = "This desk has no password, so it shows its pages on its own machine alone: open it as localhost, \
                or start it with DESK_PASSWORD.";
    ErrorPage::html("Not under this name", text)
}

#[catch(503)]
pub(super) fn unavailable() -> RawHtml<String> {
    ErrorPage::html("One moment", "The database does not answer. Try again soon: nothing is lost.")
}

#[catch(default)]
pub(super) fn other(status: Status, _: &Request<'_>) -> RawHtml<String> {
    ErrorPage::html(status.reason_lossy(), "This desk could not answer the request.")
}
