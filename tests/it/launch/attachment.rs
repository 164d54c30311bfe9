use rocket::{post, routes};
use rocket_db_pools::Database as _;
use rocket_mojito::pool::SqlitePool;
use rocket_mojito::{Inbox, MojitoConfig, MojitoEvent, MojitoFairing, MojitoHandler, Receipt, Rejection, Sqlite};

use super::{assert_stops, secret};
use crate::harness::{Host, HostBuilder};

#[derive(rocket_db_pools::Database)]
#[database("hiring")]
struct HostDb(SqlitePool);

struct Desk;

impl MojitoHandler<Sqlite> for Desk {}

struct Named(&'static str);

impl MojitoHandler<Sqlite> for Named {
    fn name(&self) -> String {
        self.0.to_owned()
    }
}

fn builder() -> HostBuilder {
    Host::builder().config(|_| MojitoConfig::new().secret("default", secret("a")))
}

#[tokio::test]
async fn a_host_database_that_is_not_attached_stops_the_launch() {
    let rocket = builder().fairing(MojitoFairing::database::<HostDb>).build();

    assert_stops(rocket, &["`hiring` is not there", "attach its fairing before `MojitoFairing`"]).await;
}

#[tokio::test]
async fn a_host_database_that_is_attached_too_late_stops_the_launch() {
    let database = tempfile::tempdir().unwrap();
    let url = database.path().join("hiring.db");
    let rocket = builder()
        .merge(("databases.hiring.url", url.to_str().unwrap()))
        .fairing(MojitoFairing::database::<HostDb>)
        .rocket(|rocket| rocket.attach(HostDb::init()))
        .build();

    assert_stops(rocket, &["`hiring` is not there", "attach its fairing before `MojitoFairing`"]).await;
}

#[tokio::test]
async fn a_second_fairing_stops_the_launch() {
    let other = MojitoConfig::new().mount("/other").secret("default", secret("b"));
    let rocket = builder().rocket(|rocket| rocket.attach(MojitoFairing::<Sqlite>::new(other))).build();

    assert_stops(rocket, &["a second `MojitoFairing`", "attach one"]).await;
}

#[tokio::test]
async fn two_handlers_of_one_name_stop_the_launch() {
    let of_one_type = builder().handler(Desk).handler(Desk);
    let of_one_name = builder().handler(Desk).handler(Named("Desk"));

    for host in [of_one_type, of_one_name] {
        assert_stops(host.build(), &["two handlers", "`Desk`", "a `name()` of its own"]).await;
    }
    assert_stops(builder().handler(Named(" ")).build(), &["without a name", "`name()`"]).await;
    for name in ["a\u{0}b", "a\nb", &*"x".repeat(201).leak()] {
        let parts = ["longer than 200 bytes or holds control characters", "a short, plain `name()`"];
        assert_stops(builder().handler(Named(name)).build(), &parts).await;
    }
}

#[post("/interview_result", data = "<event>")]
fn plain(event: MojitoEvent) -> String {
    event.kind().to_string()
}

#[post("/interview_result", data = "<event>")]
fn in_result(event: Result<MojitoEvent, Rejection>) -> Option<String> {
    event.ok().map(|event| event.kind().to_string())
}

#[post("/interview_result")]
async fn inbox_alone(inbox: Inbox) -> String {
    format!("{:?}", inbox.backlog().await.is_ok())
}

#[post("/interview_result", data = "<event>")]
async fn both(event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[tokio::test]
async fn a_guard_without_the_fairing_stops_the_launch() {
    let cases =
        [(routes![plain], "`MojitoEvent`"), (routes![in_result], "`MojitoEvent`"), (routes![inbox_alone], "`Inbox`")];

    for (routes, guard) in cases {
        let rocket = rocket::custom(rocket::Config::default()).mount("/hooks", routes);

        assert_stops(rocket, &[guard, "no `MojitoFairing` is attached", "attach one"]).await;
    }
}

#[tokio::test]
async fn guards_with_the_fairing_launch() {
    let host = builder()
        .rocket(|rocket| {
            rocket
                .mount("/a", routes![plain])
                .mount("/b", routes![in_result])
                .mount("/c", routes![inbox_alone,])
                .mount("/d", routes![both])
        })
        .start()
        .await;

    host.stop().await;
}
