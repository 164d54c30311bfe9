use std::collections::BTreeSet;
use std::sync::Arc;

use rocket::http::Status;
use rocket::{post, routes};
use rocket_mojito::testing::TestInbox;
use rocket_mojito::{Event, EventKind, Inbox, MojitoEvent, MojitoFairing, Receipt, Rejection};

use crate::harness::{
    AUTH, BASE, Body, Database, Host, HostBuilder, ScriptedAction, ScriptedHandler, in_time, request,
};

/// A guard of the host's own.
struct Inside;

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for Inside {
    type Error = ();

    async fn from_request(request: &'r rocket::Request<'_>) -> rocket::request::Outcome<Self, ()> {
        match request.headers().get_one("X-Network") {
            Some("outside") => rocket::request::Outcome::Forward(Status::NotFound),
            _ => rocket::request::Outcome::Success(Self),
        }
    }
}

#[post("/interview_result", data = "<event>")]
async fn guarded(_inside: Inside, event: Result<MojitoEvent, Rejection>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record(event?).await
}

#[post("/gateway/in", data = "<body>")]
async fn vouched(body: Vec<u8>, inbox: Inbox) -> Result<Receipt, Rejection> {
    inbox.record_body("default", EventKind::Unknown, body).await
}

/// A host with two routes of its own, and none of the plugin's.
fn builder() -> HostBuilder {
    Host::builder()
        .fairing(MojitoFairing::without_routes)
        .rocket(|rocket| rocket.mount("/hooks", routes![guarded]).mount("/", routes![vouched]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_routes_answers_on_its_own_alone() {
    let host = builder().start().await;
    let body = Body::result("r-1").bytes();
    let outside = [AUTH, ("X-Network", "outside")];

    let mut built_in = Vec::new();
    for event in ["interview_result", "interview_collected", "interview_failed", ""] {
        built_in.push(host.post(event, &body).await.status);
    }
    let other_method = host.send(&request("GET", BASE, &[], b"")).await;
    let refused = host.post_with("/hooks/interview_result", &[], &body).await;
    let kept_out = host.post_with("/hooks/interview_result", &outside, &body).await;
    let taken = host.post_with("/hooks/interview_result", &[AUTH], &body).await;

    assert_eq!((built_in, other_method.status), (vec![404; 4], 404));
    assert_eq!((refused.status, kept_out.status, taken.status), (401, 404, 200));
    assert_eq!(host.database.deliveries().len(), 1);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_routes_handles_deliveries_and_bodies_that_it_vouches_for() {
    let (script, mut seen) = ScriptedHandler::new(|_: &Event, _| ScriptedAction::Effect);
    let database = Arc::new(Database::with_effects());
    let host = builder().database(&database).handler(script).start().await;

    let delivered = host.post_with("/hooks/interview_result", &[AUTH], &Body::result("r-1").bytes()).await;
    in_time(seen.recv()).await.unwrap();
    let vouched = host.post_with("/gateway/in", &[], &Body::result("r-2").bytes()).await;
    in_time(seen.recv()).await.unwrap();

    assert_eq!((delivered.status, vouched.status), (200, 200));
    assert_eq!(host.database.delivery(vouched.delivery()).secret_id, "vouched");
    host.drained().await;
    host.stop().await;
}

/// The setting `mount` says where the host's routes are.
#[tokio::test(flavor = "multi_thread")]
async fn a_test_of_a_host_without_routes_posts_to_the_hosts_own() {
    let host = builder().config(|config| config.mount("/hooks")).build();
    let inbox = TestInbox::try_new(host).await.unwrap();

    let taken = inbox.post(&Event::example(EventKind::InterviewResult)).await.unwrap();
    let absent = inbox.post(&Event::example(EventKind::InterviewFailed)).await.unwrap();

    assert_eq!((taken.status(), absent.status()), (200, 404));
    let routes: BTreeSet<String> = inbox.client().rocket().routes().map(|route| route.uri.to_string()).collect();
    assert_eq!(routes, ["/gateway/in", "/hooks/interview_result"].map(str::to_owned).into());
    inbox.stop().await;
}
