//! A route of the host's own: the guard `MojitoEvent` authenticates and reads the body, `Inbox::record` stores it.
//!
//! The plugin mounts none beside it, which would be open to every network. `MojitoEvent` takes the endpoint from the
//! path, as the plugin's own routes do: `/hooks/staging/interview_result`.

use std::sync::atomic::{AtomicU64, Ordering};

use rocket::{Request, State, get, post, routes};
use rocket_mojito::{Inbox, MojitoConfig, MojitoEvent, MojitoFairing, Receipt, Rejection, Sqlite};

/// The number of deliveries that were recorded here.
#[derive(Default)]
struct Counter(AtomicU64);

/// A guard of the host's own: this route is open to one network alone. It runs before the body is read.
struct Inside;

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for Inside {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, Self::Error> {
        match request.client_ip() {
            Some(address) if address.is_loopback() => rocket::request::Outcome::Success(Self),
            _ => rocket::request::Outcome::Forward(rocket::http::Status::NotFound),
        }
    }
}

#[post("/<_>/interview_result", data = "<event>")]
async fn result(
    _inside: Inside,
    event: Result<MojitoEvent, Rejection>,
    inbox: Inbox,
    counter: &State<Counter>,
) -> Result<Receipt, Rejection> {
    let receipt = inbox.record(event?).await?;
    counter.0.fetch_add(1, Ordering::Relaxed);
    Ok(receipt)
}

#[get("/recorded")]
fn recorded(counter: &State<Counter>) -> String {
    counter.0.load(Ordering::Relaxed).to_string()
}

#[rocket::launch]
fn rocket() -> _ {
    let config = MojitoConfig::from_env().expect("the settings below `mojito` are sound");
    rocket::build()
        .manage(Counter::default())
        .attach(MojitoFairing::<Sqlite>::new(config).without_routes())
        .mount("/hooks", routes![result])
        .mount("/", routes![recorded])
}
