use rocket::http::{ContentType, Status};
use rocket::{Build, Config, Rocket, post, routes};

use crate::payload::Payload;
use crate::secret::Authenticated;

/// The ceiling: what Rocket, authentication and parsing cost, and nothing else.
pub(crate) fn rocket() -> Rocket<Build> {
    rocket::custom(Config::figment()).mount("/", routes![receive])
}

#[post("/webhooks/jobmojito/interview_result", data = "<body>")]
async fn receive(_sender: Authenticated, body: Vec<u8>) -> Result<(ContentType, String), Status> {
    let payload = Payload::parse(&body).ok_or(Status::UnprocessableEntity)?;
    Ok((ContentType::JSON, format!(r#"{{"delivery":"{}"}}"#, payload.id.len())))
}
