//! The list of candidates: whom it leaves out, its pages, and what is found in it.

use std::collections::BTreeSet;

use super::{address, example, get};
use crate::harness::{Answer, Body, Store, TestBackend, on_each_backend};

on_each_backend!(
    what_holds_nul_is_not_there,
    whoever_is_erased_hides_nobody,
    pages_lead_from_one_to_the_next_and_leave_nobody_out,
    a_search_finds_names_and_ids_as_they_are_written,
    a_search_says_how_far_back_it_has_come,
);

async fn what_holds_nul_is_not_there<B: TestBackend>() {
    let (_store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let address = address(&mut desk).await;

    for (path, status) in [
        ("/candidates/default?id=%00", 404),
        ("/candidates/default?id=r%00", 404),
        ("/candidates/%00?id=r", 404),
        ("/candidates.json?limit=%00", 400),
        ("/?q=%00", 200),
        ("/?q=a%00b&stage=failed", 200),
        ("/?stage=%00", 200),
        ("/?behind=2026-11-23T07:32:58Z%20a%20%00", 200),
    ] {
        assert_eq!(get(address, path).await.status, status, "{path}");
    }
}

/// Makes results as if they had been received and filed: `count` of them, those with a low number changed last.
async fn make_candidates<B: TestBackend>(store: &mut Store<B>, count: usize) {
    store
        .run(&format!(
            "CREATE TABLE numbers (n INTEGER); \
             INSERT INTO numbers WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < {count}) \
                 SELECT n FROM more"
        ))
        .await;
    let (now, digest) = match B::NAME {
        "SQLite" => ("strftime('%Y-%m-%d %H:%M:%f000', 'now', (-n) || ' seconds')", "zeroblob(32)"),
        _ => ("now() - n * interval '1 second'", "sha256('')"),
    };
    for statement in [
        format!(
            "INSERT INTO mojito_deliveries \
                 (id, endpoint, event, result_id, first_delivery_id, version, standing, fingerprint, secret_id, received_at) \
                 SELECT n, 'default', 'interview_result', 'r' || n, n, 1, 'current', {digest}, 'test', {now} FROM numbers"
        ),
        format!(
            "INSERT INTO mojito_results \
                 (endpoint, id, event, version, candidate_name, first_delivery_id, delivery_id, first_received_at, updated_at) \
                 SELECT 'default', 'r' || n, 'interview_result', 1, 'Person ' || n, n, n, {now}, {now} FROM numbers"
        ),
        format!(
            "INSERT INTO applications (endpoint, result_id, stage, version, updated_at) \
                 SELECT 'default', 'r' || n, 'to_review', 1, {now} FROM numbers"
        ),
    ] {
        store.run(&statement).await;
    }
}

/// The ids of the results that a page lists, in its order, and the link of this name, if it has one.
fn listed(page: &Answer, link: &str) -> (Vec<String>, Option<String>) {
    assert_eq!(page.status, 200, "{}", page.body);
    let table = page.body.split_once("<tbody").map_or("", |(_, rest)| rest.split("</tbody>").next().unwrap());
    let ids = table.split("class=\"who\"><a href=\"/candidates/default?id=").skip(1);
    let ids = ids.map(|rest| rest.split(['"', '&']).next().unwrap().to_owned()).collect();
    let found =
        page.body.split("<a href=\"").find(|rest| rest.split_once('>').is_some_and(|(_, text)| text.starts_with(link)));
    (ids, found.map(|rest| rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")))
}

async fn whoever_is_erased_hides_nobody<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    make_candidates(&mut store, 500).await;
    store.run("UPDATE mojito_results SET erased_at = updated_at, candidate_name = NULL WHERE delivery_id <= 201").await;
    store
        .run(
            "INSERT INTO application_notices (endpoint, result_id, delivery_id, notice, created_at) \
                 SELECT 'default', 'r' || n, n, 'advanced', (SELECT min(updated_at) FROM applications) FROM numbers \
                 ORDER BY n DESC",
        )
        .await;
    let address = address(&mut desk).await;

    let all = get(address, "/").await;
    let at_stage = get(address, "/?stage=to_review").await;
    let found = get(address, "/?stage=to_review&q=person").await;

    let expected: Vec<String> = (202..402).map(|n| format!("r{n}")).collect();
    for page in [&all, &at_stage, &found] {
        assert_eq!(listed(page, "Older").0, expected);
    }
    let news = all.body.split_once("class=\"news\"").map_or("", |(_, rest)| rest.split("</section>").next().unwrap());
    assert_eq!(news.matches("<li>").count(), 5, "{news}");
}

async fn pages_lead_from_one_to_the_next_and_leave_nobody_out<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    make_candidates(&mut store, 450).await;
    // Many that changed at one moment, over the edge of a page.
    for table in ["mojito_results", "applications"] {
        let moment = format!("(SELECT max(updated_at) FROM {table})");
        store.run(&format!("UPDATE {table} SET updated_at = {moment} WHERE version = 1")).await;
    }
    let address = address(&mut desk).await;

    for first in ["/", "/?stage=to_review", "/?q=PERSON", "/?q=person&stage=to_review"] {
        let (mut seen, mut sizes, mut next) = (Vec::new(), Vec::new(), Some(first.to_owned()));
        while let Some(path) = next {
            let (ids, older) = listed(&get(address, &path).await, "Older");
            sizes.push(ids.len());
            seen.extend(ids);
            next = older;
        }
        seen.sort();
        seen.dedup();

        assert_eq!((sizes, seen.len()), (vec![200, 200, 50], 450), "{first}");
    }
    let second = listed(&get(address, "/?stage=to_review").await, "Older").1.unwrap();
    assert_eq!(listed(&get(address, &second).await, "The latest").1.as_deref(), Some("/?stage=to_review"));
}

async fn a_search_finds_names_and_ids_as_they_are_written<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    let people = [
        ("a1", "Ann Example", "x-1"),
        ("b2", "Bob 50% Example", "x_2"),
        ("c3", "Cyn 50\u{20ac} Example!", "x-3"),
        ("d4", "Dan <b>", "x\\4"),
    ];
    for (id, name, external) in people {
        let body = Body::result(id).with("candidate_name", name).with("candidate_external_id", external);
        desk.post("interview_result", &body.bytes()).await.unwrap();
    }
    store.drained().await;
    let address = address(&mut desk).await;

    for (text, found) in [
        ("ann", vec!["a1"]),
        ("%20EXAMPLE%20%20", vec!["c3", "b2", "a1"]),
        ("50%25", vec!["b2"]),
        ("%25", vec!["b2"]),
        ("_", vec!["b2"]),
        ("x_2", vec!["b2"]),
        ("example!", vec!["c3"]),
        ("x%5C4", vec!["d4"]),
        ("%3Cb%3E", vec!["d4"]),
        ("d4", vec!["d4"]),
        ("'%20OR%20'1'='1", vec![]),
        ("nobody", vec![]),
        ("", vec!["d4", "c3", "b2", "a1"]),
    ] {
        let page = get(address, &format!("/?q={text}")).await;

        assert_eq!(listed(&page, "Older").0, found, "{text}");
        assert!(!page.body.contains("<b>"), "{}", page.body);
        let at_stage = get(address, &format!("/?q={text}&stage=to_review")).await;
        // The candidate who was handled last, of several at once, stands first.
        let at_stage: BTreeSet<String> = listed(&at_stage, "Older").0.into_iter().collect();
        assert_eq!(at_stage, found.into_iter().map(str::to_owned).collect(), "{text}");
        assert_eq!(listed(&get(address, &format!("/?q={text}&stage=failed")).await, "Older").0, [""; 0], "{text}");
    }
}

async fn a_search_says_how_far_back_it_has_come<B: TestBackend>() {
    let (mut store, example) = example::<B>().await;
    let mut desk = example.start().await;
    make_candidates(&mut store, 25_000).await;
    let address = address(&mut desk).await;

    for first in ["/?q=r24999", "/?q=r24999&stage=to_review"] {
        let (mut pages, mut next) = (0, Some(first.to_owned()));
        let mut found = Vec::new();
        while let Some(path) = next {
            pages += 1;
            (found, next) = listed(&get(address, &path).await, "Search further back");
        }

        assert_eq!((found, pages), (vec!["r24999".to_owned()], 3), "{first}");
    }
}
