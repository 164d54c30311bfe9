use std::sync::{Arc, Mutex};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use rocket::http::{ContentType, Status};
use rocket::tokio::sync::Semaphore;
use rocket::tokio::task::spawn_blocking;
use rocket::{Build, Config, Rocket, State, post, routes};

use super::connections;
use super::rows::{NewDelivery, NewResult, deliveries, now, upsert};
use crate::payload::Payload;
use crate::secret::Authenticated;

const SETTINGS: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
";

/// SQLite has one writer at a time: one connection, with a fair queue before it, is as fast as several that wait for
/// SQLite's own lock, and answers far more evenly.
const CONNECTIONS: usize = 1;

/// The connections that nobody uses, and the queue for them.
struct Writers {
    idle: Arc<Mutex<Vec<SqliteConnection>>>,
    queue: Arc<Semaphore>,
}

pub(crate) fn rocket(url: &str) -> anyhow::Result<Rocket<Build>> {
    let open = |_| {
        let mut connection = SqliteConnection::establish(url)?;
        connection.batch_execute(SETTINGS)?;
        anyhow::Ok(connection)
    };
    let mut idle = (0..connections(CONNECTIONS)?).map(open).collect::<anyhow::Result<Vec<_>>>()?;
    idle[0].batch_execute(include_str!("sqlite.sql"))?;
    let writers = Writers { queue: Arc::new(Semaphore::new(idle.len())), idle: Arc::new(Mutex::new(idle)) };
    Ok(rocket::custom(Config::figment()).manage(writers).mount("/", routes![receive]))
}

#[post("/webhooks/jobmojito/interview_result", data = "<body>")]
async fn receive(
    _sender: Authenticated,
    body: Vec<u8>,
    writers: &State<Writers>,
) -> Result<(ContentType, String), Status> {
    let payload = Payload::parse(&body).ok_or(Status::UnprocessableEntity)?;
    let turn = Arc::clone(&writers.queue).acquire_owned().await.map_err(|_| Status::ServiceUnavailable)?;
    let idle = Arc::clone(&writers.idle);
    let stored = spawn_blocking(move || {
        let mut connection = idle.lock().expect("nobody panics").pop().expect("one for each turn");
        let stored = store(&mut connection, &payload, &body);
        idle.lock().expect("nobody panics").push(connection);
        drop(turn);
        stored
    });
    match stored.await {
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
