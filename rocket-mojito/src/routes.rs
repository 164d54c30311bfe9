use rocket::http::Method;
use rocket::route::{self, Handler, Route};
use rocket::{Build, Data, Request, Rocket, post, routes};

use crate::Inbox;
use crate::config::{Endpoints, MojitoConfig};
use crate::ingress::{Cause, MojitoEvent, Receipt, Rejection};

/// Mounts the routes of each endpoint at its path.
pub(crate) fn mount(mut rocket: Rocket<Build>, config: &MojitoConfig, endpoints: &Endpoints) -> Rocket<Build> {
    for endpoint in endpoints.iter() {
        let base = match endpoint.name.as_str() {
            Endpoints::DEFAULT => config.mount.clone(),
            name => format!("{}/{name}", config.mount.trim_end_matches('/')),
        };
        rocket = rocket.mount(base, of_endpoint());
    }
    rocket
}

/// The routes of one endpoint.
fn of_endpoint() -> Vec<Route> {
    let mut routes = routes![interview_result, interview_collected, interview_failed, any_event];
    let paths: Vec<String> = routes.iter().map(|route| route.uri.to_string()).collect();
    for path in paths {
        routes.extend(OTHER_METHODS.map(|method| Route::new(method, &path, NotAllowed)));
    }
    routes
}

#[post("/interview_result", data = "<event>")]
async fn interview_result(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/interview_collected", data = "<event>")]
async fn interview_collected(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/interview_failed", data = "<event>")]
async fn interview_failed(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/", data = "<event>")]
async fn any_event(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

/// Every method but `POST`. Without a route for `HEAD`, Rocket would answer it by the route for `GET`, after an error
/// in the log.
const OTHER_METHODS: [Method; 8] = [
    Method::Get,
    Method::Head,
    Method::Put,
    Method::Delete,
    Method::Options,
    Method::Trace,
    Method::Connect,
    Method::Patch,
];

/// Answers 405 instead of Rocket's own 404.
#[derive(Clone, Copy)]
struct NotAllowed;

#[rocket::async_trait]
impl Handler for NotAllowed {
    async fn handle<'r>(&self, request: &'r Request<'_>, _: Data<'r>) -> route::Outcome<'r> {
        route::Outcome::from(request, Rejection::new(Cause::Method))
    }
}
