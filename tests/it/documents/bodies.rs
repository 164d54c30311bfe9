//! The deliveries that the documents post are those of the simulator, but for the fields that stand here.

use mojito_simulator::{Body, Event, Signer, Target};
use serde_json::{Map, Value};

use super::documents;
use crate::checkout::Checkout;

const GUIDE: &str = "rocket-mojito/guide/testing.md";

/// The results of the README's two candidates.
const ADA: &str = "7f6b2f0e-58c1-4f0a-9a55-0d2c3b1e4a01";
const BOB: &str = "7f6b2f0e-58c1-4f0a-9a55-0d2c3b1e4a02";

/// The secret of the desk in a debug build.
const DESK: &str = "for-development-only-0123456789";

/// A delivery of the simulator: its credential, its event and its body.
type Sent = (&'static str, Event, Body);

/// The deliveries of the README, in the order of its commands.
fn sent() -> [Sent; 4] {
    let decided = |id| Body::result(id).with("interview_status", "completed").with("recruiter_go_next_round", true);
    let ada = |body: Body| body.with("candidate_name", "Ada Example");
    [
        ("$MOJITO_SECRET", Event::Result, decided("r-1")),
        (DESK, Event::Collected, ada(Body::collected(ADA))),
        (DESK, Event::Result, ada(decided(ADA)).with("score", 4.212)),
        (DESK, Event::Failed, Body::failed(BOB).with("candidate_name", "Bob Example")),
    ]
}

#[test]
fn each_request_in_the_readme_is_what_the_simulator_sends() {
    let readme = Checkout::read("README.md");
    let commands = readme.split("\ncurl ").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let posts: Vec<&str> = commands.filter(|command| command.contains("/webhooks/")).collect();
    let target = Target::try_new("http://127.0.0.1:8000/webhooks/jobmojito").unwrap();

    assert_eq!(posts.len(), sent().len(), "{posts:?}");
    for (post, (secret, event, body)) in posts.into_iter().zip(sent()) {
        let shown = &arguments(post, " -d ")[0];
        let body = excerpt(body, shown);
        let mut headers = Signer::header("X-Mojito-Secret", secret).sign("", 0, body.as_bytes());
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));

        assert!(post.split_whitespace().any(|word| word == target.url(Some(event))), "{event}: {post}");
        let headers: Vec<String> = headers.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(arguments(&format!(" {post}"), "-H "), headers, "{event}");
        assert_eq!(compact(shown), body, "{event}");
    }
}

#[test]
fn the_body_in_the_guide_is_what_the_simulator_sends() {
    let chapter = Checkout::read(GUIDE);
    let shown = chapter.split_once(".body(r#\"").unwrap().1.split("\"#").next().unwrap();

    let body = Body::result("r-1").with("interview_status", "completed").with("score", 4.2);

    assert_eq!(compact(shown), excerpt(body, shown));
}

/// Neither a README of a package nor a chapter has a body beside those that are compared.
#[test]
fn no_other_document_shows_a_body() {
    let count = |text: &str| text.matches("\"interview_status\":").count();
    let shown = documents().into_iter().map(|file| (count(&file.text), file.path)).filter(|(bodies, _)| *bodies > 0);

    let expected = [(sent().len(), "README.md".to_owned()), (1, GUIDE.to_owned())];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

/// The quoted texts behind an option of a command.
fn arguments(command: &str, option: &str) -> Vec<String> {
    let quoted = |rest: &str| rest[1..].split(&rest[..1]).next().unwrap().to_owned();
    command.split(option).skip(1).map(quoted).collect()
}

/// The bytes of a body with the fields of the shown one alone. A document may leave fields out.
fn excerpt(body: Body, shown: &str) -> String {
    let fields = |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).unwrap();
    let shown = fields(shown.as_bytes());
    let hidden = fields(&body.bytes()).into_iter().map(|(field, _)| field).filter(|field| !shown.contains_key(field));
    String::from_utf8(hidden.fold(body, |body, field| body.without(&field)).bytes()).unwrap()
}

/// The same JSON without blanks outside of its texts, which hold no quote.
fn compact(json: &str) -> String {
    let parts = json.split('"').enumerate();
    let parts =
        parts.map(|(index, part)| if index % 2 == 0 { part.split_whitespace().collect() } else { part.to_owned() });
    parts.collect::<Vec<String>>().join("\"")
}
