use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use rocket::http::{ContentType, Status};
use rocket::tokio::sync::Mutex;
use rocket::tokio::task::spawn_blocking;
use rocket::{Build, Config, Rocket, State, post, routes};

use super::rows::{NewDelivery, NewResult, deliveries, now, upsert};
use crate::payload::Payload;
use crate::secret::Authenticated;

const SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
";

/// One connection writes, behind a fair lock: SQLite has one writer at a time, and several connections that wait for
/// its own lock were no faster and far less fair.
struct Writer(Arc<Mutex<SqliteConnection>>);

pub(crate) fn rocket(url: &str) -> anyhow::Result<Rocket<Build>> {
    let mut connection = SqliteConnection::establish(url)?;
    connection.batch_execute(SETTINGS)?;
    connection.batch_execute(include_str!("sqlite.sql"))?;
    let writer = Writer(Arc::new(Mutex::new(connection)));
    Ok(rocket::custom(Config::figment()).manage(writer).mount("/", routes![receive]))
}

#[post("/webhooks/jobmojito/interview_result", data = "<body>")]
async fn receive(
    _sender: Authenticated,
    body: Vec<u8>,
    writer: &State<Writer>,
) -> Result<(ContentType, String), Status> {
    let payload = Payload::parse(&body).ok_or(Status::UnprocessableEntity)?;
    let mut connection = Arc::clone(&writer.0).lock_owned().await;
    let stored = spawn_blocking(move || store(&mut connection, &payload, &body)).await;
    match stored {
        Ok(Ok(id)) => Ok((ContentType::JSON, format!(r#"{{"delivery":"{id}"}}"#))),
        _ => Err(Status::ServiceUnavailable),
    }
}

/// Both rows, in one commit.
fn store(connection: &mut SqliteConnection, payload: &Payload, body: &[u8]) -> QueryResult<i64> {
    let received_at = now();
    let delivery = NewDelivery { event: "interview_result", result_id: &payload.id, received_at, body };
    let result = NewResult::new(payload, received_at);
    connection.immediate_transaction(|connection| {
        let id = diesel::insert_into(deliveries::table)
            .values(&delivery)
            .returning(deliveries::id)
            .get_result(connection)?;
        upsert!(&result).execute(connection)?;
        Ok(id)
    })
}
