//! The bytes of a seed, pinned: a change here is a change for everybody who repeats a run, and belongs in the changelog.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{Course, Life, Lives, Plan};

/// The first life of three courses of seed 1, one delivery a line.
const LIVES: &str = include_str!("../fixtures/lives.txt");

/// SHA-256 over the first thousand lives of seed 1.
const THOUSAND_LIVES: &str = "5432190401f4b5d3dd06e517d3b8f63cb5c50293ff35c8975dc855f690c47979";

/// The same over their steps in a plan with every accident.
const THOUSAND_PLANS: &str = "524bd3c0d7e83a911a1915a8230315952708d9d710c197833498b67c7d63ad2b";

/// A life as lines: event, id of the message, body.
fn lines(life: &Life) -> String {
    life.deliveries().iter().fold(format!("{:?}\n", life.course), |mut text, delivery| {
        let body = String::from_utf8_lossy(delivery.body());
        let _ = writeln!(text, "{} {} {body}", delivery.event, delivery.message_id);
        text
    })
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_same_seed_is_the_same_bytes_as_ever() {
    let lives = Lives::new(1);

    let first = |course| lives.iter().find(|life| life.course == course).expect("every course is lived");
    let courses = [Course::Direct, Course::Failed, Course::Enveloped];
    let few: String = courses.map(|course| lines(&first(course))).concat();
    let many = lives.iter().take(1_000).fold(Sha256::new(), |digest, life| digest.chain_update(lines(&life)));

    assert_eq!(few, LIVES);
    assert_eq!(hex(&many.finalize()), THOUSAND_LIVES);
}

#[test]
fn the_same_seed_is_the_same_plan_as_ever() {
    let plan = Plan::new(1).candidates(1_000).duplicates(30).reordered(20).together(20).lost(20).cut(20);

    let digest = plan.lives().fold(Sha256::new(), |digest, life| {
        let steps = plan.steps(&life);
        let posts = steps.iter().map(|step| step.posts.iter().map(|post| (post.delivery, post.accident)));
        posts.fold(digest, |digest, posts| digest.chain_update(format!("{:?}\n", posts.collect::<Vec<_>>())))
    });

    assert_eq!(hex(&digest.finalize()), THOUSAND_PLANS);
}

#[test]
fn every_course_is_lived_and_no_id_is_given_twice() {
    let lives: Vec<Life> = Lives::new(1).iter().take(500).collect();

    let has = |course: Course| lives.iter().any(|life| life.course == course);
    let mut results: Vec<&str> = lives.iter().flat_map(Life::result_ids).collect();
    let mut messages: Vec<&str> =
        lives.iter().flat_map(Life::deliveries).map(|delivery| delivery.message_id.as_str()).collect();

    let courses = [
        Course::Decided,
        Course::Direct,
        Course::Unsubmitted,
        Course::Failed,
        Course::Abandoned,
        Course::Reset,
        Course::Former,
        Course::Enveloped,
    ];
    assert!(courses.into_iter().all(has));
    for ids in [&mut results, &mut messages] {
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert!(ids.len() == count && count >= 500);
    }
}

#[test]
fn a_decision_that_is_toggled_back_is_the_same_bytes_again() {
    let is_toggled = |life: Life| {
        let bodies: Vec<&[u8]> = life.deliveries().iter().map(crate::Delivery::body).collect();
        bodies.windows(3).any(|three| three[0] == three[2] && three[0] != three[1])
    };

    assert!(Lives::new(1).iter().take(100).any(is_toggled));
}

#[test]
fn nobody_in_it_can_be_reached() {
    for life in Lives::new(1).iter().take(200) {
        for delivery in life.deliveries() {
            let body: serde_json::Value = serde_json::from_slice(delivery.body()).unwrap();
            let body = body.get("record").unwrap_or(&body);
            let text = |field: &str| body[field].as_str().unwrap_or_default();
            let (email, phone, url) = (text("candidate_email"), text("candidate_phone_number"), text("pdf_export_url"));

            assert!(email.is_empty() || email.ends_with("@example.org"), "{email}");
            assert!(phone.is_empty() || phone.starts_with("+1 202 555 01"), "{phone}");
            assert!(url.is_empty() || url.starts_with("https://reports.example.org/"), "{url}");
        }
    }
}
