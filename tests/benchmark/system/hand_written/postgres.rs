use diesel::ExpressionMethods as _;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use futures_util::future::try_join;
use rocket::http::{ContentType, Status};
use rocket::{Build, Config, Rocket, State, post, routes};

use super::connections;
use super::rows::{NewDelivery, NewResult, deliveries, now, upsert};
use crate::payload::Payload;
use crate::secret::Authenticated;

/// How many connections there are. More of them share more commits, and cost more: on two cores this was the best.
const CONNECTIONS: usize = 16;

pub(crate) async fn rocket(url: &str) -> anyhow::Result<Rocket<Build>> {
    AsyncPgConnection::establish(url).await?.batch_execute(include_str!("postgres.sql")).await?;
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, config);
    let pool = Pool::builder(manager).max_size(connections(CONNECTIONS)?).build()?;
    Ok(rocket::custom(Config::figment()).manage(pool).mount("/", routes![receive]))
}

#[post("/webhooks/jobmojito/interview_result", data = "<body>")]
async fn receive(
    _sender: Authenticated,
    body: Vec<u8>,
    pool: &State<Pool<AsyncPgConnection>>,
) -> Result<(ContentType, String), Status> {
    let payload = Payload::parse(&body).ok_or(Status::UnprocessableEntity)?;
    let id = store(pool, &payload, &body).await.map_err(|_| Status::ServiceUnavailable)?;
    Ok((ContentType::JSON, format!(r#"{{"delivery":"{id}"}}"#)))
}

/// Both rows, in one commit.
async fn store(pool: &Pool<AsyncPgConnection>, payload: &Payload, body: &[u8]) -> anyhow::Result<i64> {
    let received_at = now();
    let delivery = NewDelivery { event: "interview_result", result_id: &payload.id, received_at, body };
    let result = NewResult::new(payload, received_at);
    let mut connection = pool.get().await?;
    let stored = connection.transaction::<_, diesel::result::Error, _>(async |connection| {
        // Neither waits for the other: one way to the server and back instead of two.
        let pipeline: &AsyncPgConnection = connection;
        let insert = diesel::insert_into(deliveries::table)
            .values(&delivery)
            .returning(deliveries::id)
            .get_result(&mut &*pipeline);
        let upsert = upsert!(&result).execute(&mut &*pipeline);
        let (id, _) = try_join(insert, upsert).await?;
        Ok(id)
    });
    Ok(stored.await?)
}
